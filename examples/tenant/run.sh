#!/usr/bin/env bash
# Two tenants work on one code base at the same time, each in a sandbox of its own table.
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
need_programs
need_sandbox

step 'a shared code base with two tenants'
put src/app.py 'def price(amount):' '    return amount * 2'
put .env 'LICENCE=hunter2'
put tenants/alice/notes.md 'alice was here'
put tenants/bob/notes.md 'bob was here'

step 'one policy, a table for each tenant'
for tenant in alice bob; do
  compile "$scratch/$tenant.aft" "$examples/tenant/policy.afp" -D "tenant=$tenant"
done

step 'both run the shared code and write a result, at once'
work='import sys; sys.path.insert(0, "src"); sys.dont_write_bytecode = True
from app import price
open(f"tenants/{sys.argv[1]}/result.txt", "w").write(f"{price(int(sys.argv[2]))}\n")'
sandbox "$scratch/alice.aft" python3 -c "$work" alice 21 &
alice=$!
sandbox "$scratch/bob.aft" python3 -c "$work" bob 50 &
bob=$!
wait "$alice"
wait "$bob"
for tenant in alice bob; do
  printf '%s sees: ' "$tenant"
  sandbox "$scratch/$tenant.aft" find . -mindepth 1 -printf '%P ' && printf '\n'
done

step 'what holds'
claim "alice's result is there" grep -qx 42 "$tree/tenants/alice/result.txt"
claim "bob's result is there" grep -qx 100 "$tree/tenants/bob/result.txt"
claim 'alice sees one tenant: herself' test "$(sandbox "$scratch/alice.aft" ls tenants)" = alice
claim 'bob sees one tenant: himself' test "$(sandbox "$scratch/bob.aft" ls tenants)" = bob
claim 'a guessed name finds nothing' fails_with 'No such file' sandbox "$scratch/bob.aft" cat tenants/alice/notes.md
claim 'a tenant and a name nobody has refuse alike' test \
  "$(sandbox "$scratch/bob.aft" mkdir tenants/alice 2>&1 | sed s/alice/X/)" = \
  "$(sandbox "$scratch/bob.aft" mkdir tenants/carol 2>&1 | sed s/carol/X/)"
claim 'the shared code refuses to be changed' fails_with 'Permission denied' sandbox "$scratch/bob.aft" \
  sh -c 'echo x >>src/app.py'
claim 'no way in for a name with a slash' fails_with 'tenant' compile "$scratch/x.aft" \
  "$examples/tenant/policy.afp" -D 'tenant=../alice'
claim 'and no table is left behind by it' test ! -e "$scratch/x.aft"
finish
