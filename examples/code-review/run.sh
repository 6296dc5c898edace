#!/usr/bin/env bash
# A code-review agent on a real git repository: it reads the last change, scans the code and writes
# findings. Secrets that lie in the work tree, ignored by git or not, do not exist for it.
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
need_programs
need_sandbox

step 'a repository with two commits, and secrets beside the code'
put src/login.py 'import subprocess' '' 'def login(user):' '    return user == "admin"'
put tests/test_login.py 'from src.login import login' '' 'assert login("admin")'
put .env.example 'DB_PASSWORD=change-me'
put .gitignore .env '*.key' /secrets/
git_here=(git -c init.defaultBranch=main -c user.name=dev -c user.email=dev@example.org -C "$tree")
"${git_here[@]}" init -q
"${git_here[@]}" add -A
"${git_here[@]}" commit -q -m 'Add login'
put src/login.py 'import subprocess' '' 'def login(user):' '    return eval(user) == "admin"'
"${git_here[@]}" commit -q -a -m 'Let users log in by expression'
"${git_here[@]}" config remote.origin.url https://bot:t0ken@git.example.org/shop.git
put .env 'DB_PASSWORD=hunter2'
put src/.env 'DB_PASSWORD=hunter3'
put deploy/server.key 'PRIVATE KEY hunter4'
put secrets/db.txt 'hunter5'
mkdir "$tree/review"

step 'compile the policy'
table=$scratch/review.aft
compile "$table" "$examples/code-review/policy.afp"

step 'the agent: look at the last change, scan the code, write findings'
cat >"$scratch/agent.py" <<'AGENT'
import os, re, subprocess

diff = subprocess.run(["git", "log", "-1", "-p", "--format=%s"], check=True, capture_output=True, text=True).stdout
print(diff)
findings = []
for folder, folders, names in os.walk("."):
    folders[:] = sorted(set(folders) - {".git"})
    for name in sorted(names):
        path = os.path.join(folder, name)
        with open(path, encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if re.search(r"\beval\(|PASSWORD=hunter|PRIVATE KEY", line):
                    findings.append(f"{path}:{number}: {line.strip()}")
with open("review/findings.md", "w") as report:
    report.write("\n".join(findings) + "\n")
print("findings:", *findings, sep="\n  ")
AGENT
sandbox "$table" python3 -c "$(cat "$scratch/agent.py")"

step 'what holds'
findings=$tree/review/findings.md
claim 'the finding is in the real tree' grep -q 'src/login.py:4' "$findings"
claim 'and it is the only one: no secret was seen' test "$(wc -l <"$findings")" = 1
claim 'the history can be read' test "$(sandbox "$table" git log --oneline | wc -l)" = 2
claim 'git finds the work tree as it was committed' test -z "$(sandbox "$table" git status --porcelain -uno)"
for path in .env src/.env deploy/server.key secrets/db.txt secrets .git/config; do
  claim "$path: a guessed name finds nothing" fails_with 'No such file' sandbox "$table" cat "$path"
done
claim 'find meets no secret' test -z "$(sandbox "$table" find . -name .env -o -name '*.key' -o -name secrets)"
claim '.env.example stays open' sandbox "$table" cat .env.example
claim 'the code refuses to be changed' fails_with 'Permission denied' sandbox "$table" sh -c 'echo x >>src/login.py'
claim 'no new file beside the code' fails_with 'Permission denied' sandbox "$table" touch src/new.py
claim 'the history refuses to be changed' fails_with 'Permission denied' sandbox "$table" \
  git -c user.name=x -c user.email=x commit -q --allow-empty -m x
finish
