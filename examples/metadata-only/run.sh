#!/usr/bin/env bash
# A metadata-only agent: which kinds of files take how much space, and which are old. It cannot read one byte.
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
need_programs
need_sandbox

step 'a data folder'
put data/customers.csv name,city Ada,London Grace,Arlington
put data/2019/orders.csv id,total 1,17
put src/main.c 'int main(void) { return 0; }'
put secrets/db.txt hunter2
put .env PASSWORD=hunter2
head -c 100000 /dev/zero >"$tree/data/image.bin"
touch -d 2019-05-01 "$tree/data/2019/orders.csv"
ln -s customers.csv "$tree/data/latest.csv"

step 'compile the policy'
table=$scratch/inventory.aft
compile "$table" "$examples/metadata-only/policy.afp"

step 'the agent: take stock'
cat >"$scratch/agent.py" <<'AGENT'
import collections, os, time

size, count = collections.Counter(), collections.Counter()
for folder, _, names in os.walk("."):
    for name in names:
        info = os.lstat(os.path.join(folder, name))
        kind = os.path.splitext(name)[1] or "(none)"
        size[kind] += info.st_size
        count[kind] += 1
        if time.gmtime(info.st_mtime).tm_year < 2020:
            print(f"old: {os.path.join(folder, name)}")
for kind in sorted(size):
    print(f"{kind}: {count[kind]} files, {size[kind]} bytes")
AGENT
sandbox "$table" python3 -c "$(cat "$scratch/agent.py")" | tee "$scratch/report"

step 'what holds'
csv=$(cat "$tree/data/customers.csv" "$tree/data/2019/orders.csv" | wc -c)
claim 'sizes are the real ones' grep -qx ".csv: 3 files, $((csv + 13)) bytes" "$scratch/report"
claim 'so are dates' grep -qx 'old: ./data/2019/orders.csv' "$scratch/report"
claim 'where a link points can be seen' test "$(sandbox "$table" readlink data/latest.csv)" = customers.csv
claim 'reading is refused' fails_with 'Permission denied' sandbox "$table" cat data/customers.csv
claim 'through a link too' fails_with 'Permission denied' sandbox "$table" cat data/latest.csv
claim 'mode bits say so beforehand' test "$(sandbox "$table" stat -c %A data/customers.csv)" = ----------
claim 'a copy is refused' fails_with 'Permission denied' sandbox "$table" cp data/customers.csv /tmp/x
claim 'a change is refused' fails_with 'Permission denied' sandbox "$table" touch data/customers.csv
claim 'a new name is refused' fails_with 'Permission denied' sandbox "$table" touch data/new.csv
claim 'secrets have not even names' test "$(sandbox "$table" ls -A)" = $'data\nsrc'
finish
