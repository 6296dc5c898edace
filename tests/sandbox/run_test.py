#!/usr/bin/env python3
"""`mount.agentfense run`, end to end, as root and (AGENTFENSE_TEST_AS_USER=1) as an ordinary user without fusermount3."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import termios
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "helper"))
from support import *  # noqa: E402,F403

RULES = ("read", "write:/output", "none:/secrets", "none:**/.env", "view:/names")
SECRET = "the-hidden-content"


def sleeper():
    """A duration that no other process sleeps."""
    sleeper.count += 1
    return f"9{os.getpid()}.{sleeper.count}"


sleeper.count = 0


class RunTest(unittest.TestCase):
    def setUp(self):
        self.base = os.path.join(Machine.work, "base-" + self.id().split(".")[-1])
        write(self.base + "/readme.txt", "hello\n")
        write(self.base + "/.env", SECRET)
        write(self.base + "/secrets/key", SECRET)
        write(self.base + "/names/data.csv", SECRET)
        write(self.base + "/tool.sh", "#!/bin/sh\necho tool \"$@\"\n", 0o755)
        write(self.base + "/plain.sh", "#!/bin/sh\necho never\n", 0o644)
        os.makedirs(self.base + "/output")
        if Machine.as_user:
            give_to_user(self.base)
        self.table = table("t.aft", *RULES)
        self.mounts_before = read("/proc/self/mountinfo")

    def tearDown(self):
        self.assertEqual(read("/proc/self/mountinfo"), self.mounts_before, "a mount was left behind")

    def words(self, *command, options=(), base=None, table_path=None):
        return [*user_words(Machine.as_user), Machine.helper, "run", "--table", table_path or self.table, "--base", base or self.base,
                *options, "--", *command]

    def run_in(self, *command, options=(), base=None, **more):
        more.setdefault("capture_output", True)
        more.setdefault("timeout", 60)
        return subprocess.run(self.words(*command, options=options, base=base), text=True, **more)

    def out(self, *command, **more):
        result = self.run_in(*command, **more)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def sh(self, script, **more):
        return self.out("sh", "-c", script, **more)

    def start(self, *command, options=(), **more):
        return subprocess.Popen(self.words(*command, options=options), text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, **more)

    def nothing_left(self, marker):
        self.assertEqual(processes_with(marker), [])


class Passes(RunTest):
    def test_works_inside_another_pid_namespace(self):
        # As in a container: the numbers of /proc are then not those of the host, and 2 is nobody.
        inside = ["unshare", "-m", "-p", "-f", "--mount-proc", "sh", "-c", '/bin/true; /bin/true; /bin/true; /bin/true; "$@"', "sh"]
        result = subprocess.run([*inside, *self.words("echo", "hi")], text=True, capture_output=True, timeout=60)
        self.assertEqual((result.returncode, result.stdout), (0, "hi\n"), result.stderr)

    def test_streams(self):
        data = "".join(chr(32 + i % 90) for i in range(200_000))
        result = self.run_in("sh", "-c", "cat; echo to-stderr >&2", input=data)
        self.assertEqual(result.stdout, data)
        self.assertEqual(result.stderr, "to-stderr\n")

    def test_exit_status(self):
        for code in (0, 1, 3, 124, 125, 255):
            self.assertEqual(self.run_in("sh", "-c", f"exit {code}").returncode, code)

    def test_signal_death(self):
        self.assertEqual(self.run_in("sh", "-c", "kill -9 $$").returncode, 128 + 9)
        self.assertEqual(self.run_in("sh", "-c", "kill -SEGV $$").returncode, 128 + 11)

    def test_missing_command_is_127_and_unusable_126(self):
        self.assertEqual(self.run_in("no-such-command").returncode, 127)
        self.assertEqual(self.run_in("./no-such-file").returncode, 127)
        self.assertEqual(self.run_in("./plain.sh").returncode, 126)
        self.assertEqual(self.run_in("./a=b").returncode, 127)
        self.assertEqual(self.run_in("./names/data.csv").returncode, 126)

    def test_a_command_counts_only_inside(self):
        outside = os.path.join(Machine.work, "outside.sh")
        write(outside, "#!/bin/sh\necho never\n", 0o755)
        self.assertEqual(self.run_in(outside).returncode, 127)
        self.assertEqual(self.run_in("./secrets/key").returncode, 127)
        self.assertEqual(self.out("./tool.sh", "a b"), "tool a b\n")

    def test_signals_reach_the_command(self):
        script = "for s in TERM INT HUP QUIT; do trap \"echo got $s; exit 7\" $s; done; echo ready; while :; do sleep 0.01; done"
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            with self.start("sh", "-c", script) as process:
                self.assertEqual(process.stdout.readline(), "ready\n")
                process.send_signal(number)
                out, err = process.communicate(timeout=60)
                self.assertEqual((out, process.returncode), (f"got {number.name[3:]}\n", 7), err)

    def test_an_unhandled_signal_ends_the_command(self):
        with self.start("sh", "-c", "echo ready; exec sleep 1000") as process:
            process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, 128 + 15)

    def test_a_signal_at_any_early_moment_ends_it(self):
        for delay in (0.0, 0.002, 0.005, 0.008, 0.012, 0.02):
            mark = sleeper()
            with self.start("sleep", mark) as process:
                time.sleep(delay)
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=60)
                self.assertIn(process.returncode, (128 + 15, -15), f"after {delay}")
            self.nothing_left(mark)

    def test_control_c_reaches_the_whole_group(self):
        # As a terminal would send it: to the shell and to what the shell waits for.
        leader, terminal = os.openpty()
        mark = sleeper()
        with self.start("sh", "-c", f"echo ready; sleep {mark}; echo never", stdin=terminal, start_new_session=True,
                        preexec_fn=lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)) as process:
            self.assertEqual(process.stdout.readline(), "ready\n")
            self.assertTrue(wait_until(lambda: [pid for pid in processes_with(mark) if read(f"/proc/{pid}/comm") == "sleep\n"]))
            os.write(leader, b"\x03")
            out, err = process.communicate(timeout=60)
            self.assertEqual((out, process.returncode), ("", 128 + 2), err)
        os.close(leader)
        os.close(terminal)
        self.nothing_left(mark)

    def test_preset(self):
        presets = os.path.join(Machine.work, "presets")
        os.makedirs(presets, exist_ok=True)
        table("presets/my-own-1.aft", *RULES)
        words = [*user_words(Machine.as_user), Machine.helper, "run", "--preset", "my-own-1", "--base", self.base, "--", "cat", "readme.txt"]
        result = subprocess.run(words, capture_output=True, text=True, timeout=60, env={**os.environ, "AGENTFENSE_PRESET_DIR": presets})
        self.assertEqual(result.stdout, "hello\n", result.stderr)

    def test_workdir_and_at(self):
        self.assertEqual(self.out("pwd"), "/workspace\n")
        self.assertEqual(self.out("pwd", options=["--at", "/home/me/project"]), "/home/me/project\n")
        self.assertEqual(self.out("pwd", options=["--workdir", "names"]), "/workspace/names\n")
        self.assertEqual(self.out("pwd", options=["--workdir", "/tmp"]), "/tmp\n")
        missing = self.run_in("pwd", options=["--workdir", "secrets"])
        self.assertEqual(missing.returncode, 125)

    def test_quiet_and_verbose_keep_stdout(self):
        for option in ("-q", "-v"):
            self.assertEqual(self.out("echo", "x", options=[option]), "x\n")


class Shows(RunTest):
    def test_what_the_table_says(self):
        self.assertEqual(self.out("cat", "readme.txt"), "hello\n")
        names = self.out("ls", "-A").split()
        self.assertEqual(sorted(names), ["names", "output", "plain.sh", "readme.txt", "tool.sh"])
        for hidden in (".env", "secrets", "secrets/key", "names/../.env"):
            self.assertIn("No such file", self.run_in("cat", hidden).stderr)
        self.assertEqual(self.out("ls", "names"), "data.csv\n")
        self.assertIn("Permission denied", self.run_in("cat", "names/data.csv").stderr)
        self.assertNotEqual(self.run_in("sh", "-c", "echo x > readme.txt").returncode, 0)
        self.assertEqual(read(self.base + "/readme.txt"), "hello\n")

    def test_writes_arrive(self):
        self.sh("echo new > output/file && mkdir output/d && mv output/file output/d/")
        self.assertEqual(read(self.base + "/output/d/file"), "new\n")

    def test_an_owner_writes_whatever_the_files_group(self):
        # Not the test's usual user: its numbers are what an unknown group looks like.
        user = 23456
        for name, group in (("mine", user), ("shared", 34567)):
            write(f"{self.base}/output/{name}", "old\n")
            os.chown(f"{self.base}/output/{name}", user, group)
        os.chown(self.base + "/output", user, 34567)
        words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", Machine.helper, "run", "--table", self.table,
                 "--base", self.base, "--", "sh", "-c", "echo new > output/mine && echo new > output/shared && echo new > output/fresh"]
        result = subprocess.run(words, text=True, capture_output=True, timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)
        for name in ("mine", "shared", "fresh"):
            self.assertEqual(read(f"{self.base}/output/{name}"), "new\n")
        self.assertEqual(os.stat(self.base + "/output/shared").st_gid, 34567)

    def test_mapped_writes_arrive(self):
        script = ("import mmap,os;f=os.open('output/m',os.O_RDWR|os.O_CREAT);os.ftruncate(f,8192);"
                  "m=mmap.mmap(f,8192);m[4096:4099]=b'abc';os._exit(0)")
        self.out("/usr/bin/python3", "-I", "-c", script)
        with open(self.base + "/output/m", "rb") as file:
            self.assertEqual(file.read()[4096:4099], b"abc")

    def test_read_only(self):
        result = self.run_in("sh", "-c", "echo x > output/f", options=["--ro"])
        self.assertIn("Read-only file system", result.stderr)
        self.assertEqual(os.listdir(self.base + "/output"), [])

    def test_coherence_snapshot(self):
        self.assertEqual(self.out("cat", "readme.txt", options=["--coherence", "snapshot"]), "hello\n")
        denied = self.run_in("cat", "names/data.csv", options=["--coherence", "snapshot"])
        self.assertNotEqual(denied.returncode, 0)
        self.assertNotIn(SECRET, denied.stdout)

    def test_a_base_that_holds_the_system(self):
        listing = self.out("ls", "/workspace", base="/").split()
        self.assertIn("usr", listing)
        self.assertNotIn("secrets", listing)
        # /etc comes from the view: the table hides what it hides there as well.
        hidden = table("no-hosts.aft", "read", "none:**/hosts")
        words = self.words("sh", "-c", "ls /etc; ls /workspace/etc", base="/", table_path=hidden)
        result = subprocess.run(words, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("passwd", result.stdout.split())
        self.assertNotIn("hosts", result.stdout.split())

    def test_a_base_inside_what_is_shown(self):
        base = "/usr/src"
        mount("tmpfs", base, "tmpfs", 0, "mode=755")
        try:
            write(base + "/secrets/key", SECRET)
            write(base + "/open.txt", "open\n")
            if Machine.as_user:
                give_to_user(base)
            found = self.sh("ls /usr/src /workspace; cat /usr/src/secrets/key /workspace/secrets/key || true", base=base)
            self.assertIn("open.txt", found)
            self.assertNotIn("secrets", found)
            self.assertNotIn(SECRET, found)
        finally:
            umount(base)


class Keeps(RunTest):
    """Nothing comes in that was not meant to, and nothing gets out."""

    def test_environment(self):
        environment = {**os.environ, "AWS_SECRET_ACCESS_KEY": SECRET, "LANG": "C.UTF-8", "LD_PRELOAD": ""}
        out = self.out("env", options=["--env", "A=1", "--env", "B=x=y z", "--env", "HOME=/workspace"], env=environment)
        self.assertEqual(sorted(out.split("\n")[:-1]), [
            "A=1", "B=x=y z", "HOME=/workspace", "LANG=C.UTF-8",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PWD=/workspace",
            "USER=" + ("user" if Machine.as_user else "root")])
        everywhere = self.sh("cat /proc/[0-9]*/environ | tr '\\0' '\\n'", env=environment)
        self.assertNotIn(SECRET, everywhere)

    def test_host_paths_are_not_in_process_lists(self):
        words = self.sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' '; cat /proc/self/mountinfo")
        self.assertNotIn(self.base, words)
        self.assertNotIn(Machine.work, words)

    def test_descriptors(self):
        extra = [os.open(self.base, os.O_RDONLY), os.open(self.base + "/secrets/key", os.O_RDONLY)]
        high = os.dup2(extra[1], 200)
        try:
            listing = self.run_in("/usr/bin/python3", "-I", "-c",
                                  "import os,json;print(json.dumps({n:os.readlink('/proc/self/fd/'+n) for n in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/'+n)}))",
                                  pass_fds=[*extra, high])
            self.assertEqual(sorted(json.loads(listing.stdout)), ["0", "1", "2"], listing.stderr)
            inner = self.out("sh", "-c", "ls -l /proc/1/fd", pass_fds=[*extra, high])
            self.assertNotIn("fuse", inner)
            self.assertNotIn(self.base, inner)
        finally:
            for fd in {*extra, high}:
                os.close(fd)

    def test_closed_and_odd_standard_descriptors(self):
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            report = os.path.join(self.base, "output", "report")
            words = self.words("sh", "-c", "ls -l /proc/self/fd > output/report; ls -ld /proc/self/fd/0/. >> output/report; exit 9")
            result = subprocess.run(["sh", "-c", f'"$@" {closed}', "sh", *words], capture_output=True, text=True, timeout=60)
            self.assertEqual(result.returncode, 9, result.stderr)
            listing = read(report)
            self.assertNotIn(self.base, listing, closed)
            self.assertNotIn("fuse", listing, closed)
            os.remove(report)
        directory = os.open(self.base, os.O_RDONLY)
        self.addCleanup(os.close, directory)
        result = self.run_in("true", stdin=directory)
        self.assertEqual(result.returncode, 125)
        self.assertIn("the standard input is a directory", result.stderr)

    def test_network(self):
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        script = f"import socket;socket.create_connection(('127.0.0.1',{listener.getsockname()[1]}),5)"
        self.assertNotEqual(self.run_in("/usr/bin/python3", "-I", "-c", script).returncode, 0)
        self.assertEqual(self.run_in("/usr/bin/python3", "-I", "-c", script, options=["--net"]).returncode, 0)
        self.assertEqual(self.sh("ls /sys/class/net 2>/dev/null; tail -n +3 /proc/net/dev | cut -d: -f1").split(), ["lo"])

    def test_abstract_sockets_need_the_net(self):
        listener = socket.socket(socket.AF_UNIX)
        name = f"\0agentfense-{os.getpid()}"
        listener.bind(name)
        listener.listen()
        script = f"import socket;socket.socket(socket.AF_UNIX).connect({name!r})"
        self.assertNotEqual(self.run_in("/usr/bin/python3", "-I", "-c", script).returncode, 0)
        listener.close()

    def test_no_rights(self):
        status = dict(line.split(":\t", 1) for line in self.sh("cat /proc/self/status").splitlines() if ":\t" in line)
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(status[kind], 16), 0, kind)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Groups"].split(), [])
        first = dict(line.split(":\t", 1) for line in self.sh("cat /proc/1/status").splitlines() if ":\t" in line)
        self.assertEqual(int(first["CapEff"], 16), 0)
        self.assertEqual(int(first["CapPrm"], 16), 0)
        user_space = self.sh("readlink /proc/self/ns/user").strip()
        self.assertNotEqual(user_space, os.readlink("/proc/self/ns/user"))

    def test_only_its_own_processes(self):
        self.assertLessEqual(len(self.sh("ls -d /proc/[0-9]*").split()), 5)

    def test_private_places(self):
        write(Machine.work + "/host.txt", "host")
        self.assertEqual(self.sh("ls -A /tmp"), "")
        self.sh("echo x > /tmp/agentfense-leak; echo y > /dev/shm/agentfense-leak")
        self.assertFalse(os.path.exists("/tmp/agentfense-leak"))
        self.assertFalse(os.path.exists("/dev/shm/agentfense-leak"))
        for path in ("/x", "/etc/x", "/usr/x", "/dev/x", "/etc/passwd"):
            self.assertNotEqual(self.run_in("sh", "-c", f"echo > {path}").returncode, 0, path)
        for path in ("/root", "/home", "/etc/shadow", "/sys", "/run", "/var", "/boot", "/dev/fuse", "/etc/ssl/private"):
            self.assertNotEqual(self.run_in("ls", path).returncode, 0, path)

    def test_the_hosts_settings_cannot_be_written(self):
        # The file's own words are written back: where the sandbox leaks, nothing changes but this test's verdict.
        script = ("import os\n"
                  "for name in ('/proc/sys/kernel/core_pattern','/proc/sys/kernel/hostname','/proc/sys/vm/swappiness'):\n"
                  "  if not os.path.exists(name): continue\n"
                  "  words=open(name).read()\n"
                  "  try: open(name,'w').write(words)\n"
                  "  except OSError: continue\n"
                  "  print('wrote',name)\n"
                  "for name in ('/proc/sysrq-trigger','/proc/mtrr','/proc/irq/default_smp_affinity'):\n"
                  "  try: os.close(os.open(name,os.O_WRONLY)); print('opened',name)\n"
                  "  except OSError: pass\n"
                  "for name in ('/proc/kcore','/proc/kmsg','/proc/keys'):\n"
                  "  try: print(*(['read '+name] if open(name,'rb').read(1) else []),sep='',end='')\n"
                  "  except OSError: pass\n")
        out = self.out("/usr/bin/python3", "-I", "-c", script)
        if Machine.as_user:
            out = out.replace("read /proc/keys", "")  # shows a user its own keys
        self.assertEqual(out.strip(), "")

    def test_no_way_back_by_proc(self):
        script = ("import os,sys\n"
                  "for pid in filter(str.isdigit,os.listdir('/proc')):\n"
                  "  for way in ('root','cwd'):\n"
                  f"    for path in ({self.base!r},{Machine.work!r},'/root/..{self.base}'):\n"
                  "      if os.path.lexists(f'/proc/{pid}/{way}'+path): print('seen',pid,way,path)\n"
                  "  try:\n"
                  "    for fd in os.listdir(f'/proc/{pid}/fd'):\n"
                  "      try:\n"
                  "        if os.path.isdir(f'/proc/{pid}/fd/{fd}/') and pid!=str(os.getpid()): print('directory',pid,fd)\n"
                  "      except OSError: pass\n"
                  "  except OSError: pass\n")
        self.assertEqual(self.out("/usr/bin/python3", "-I", "-c", script), "")

    def test_no_way_back_by_system_calls(self):
        script = r"""
import ctypes, os, stat
libc = ctypes.CDLL(None, use_errno=True)
def tried(name, result):
    if result >= 0: print('worked', name)
tried('mount', libc.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None))
tried('bind', libc.mount(b'/workspace', b'/tmp', None, 4096, None))
tried('remount', libc.mount(None, b'/', None, 32, None))
tried('umount', libc.umount2(b'/workspace', 2))
tried('umount proc/sys', libc.umount2(b'/proc/sys', 2))
for name, flag in (('user', 0x10000000), ('mount', 0x20000), ('pid', 0x20000000), ('net', 0x40000000)):
    tried('unshare ' + name, libc.unshare(flag))
    tried('unshare user and ' + name, libc.unshare(flag | 0x10000000))
for name in ('mnt', 'user', 'pid', 'net'):
    fd = os.open('/proc/1/ns/' + name, os.O_RDONLY) if os.access('/proc/1/ns/' + name, os.R_OK) else -1
    if fd >= 0 and name != 'user': tried('setns ' + name, libc.setns(fd, 0))
tried('chroot', libc.chroot(b'/tmp'))
tried('pivot_root', libc.syscall(155, b'/tmp', b'/tmp'))
handle = (ctypes.c_char * 136)()
ctypes.cast(handle, ctypes.POINTER(ctypes.c_uint))[0] = 128
mount_id = ctypes.c_int()
for path in (b'/workspace', b'/usr', b'/tmp'):
    ctypes.cast(handle, ctypes.POINTER(ctypes.c_uint))[0] = 128
    if libc.name_to_handle_at(-100, path, handle, ctypes.byref(mount_id), 0) == 0:
        fd = os.open(path, os.O_RDONLY)
        tried('open_by_handle_at ' + path.decode(), libc.open_by_handle_at(fd, handle, 0))
        os.close(fd)
for place in ('/tmp', '/workspace/output', '/dev/shm'):
    for name, mode, device in (('disk', stat.S_IFBLK, os.makedev(254, 0)), ('mem', stat.S_IFCHR, os.makedev(1, 1)), ('fuse', stat.S_IFCHR, os.makedev(10, 229))):
        try: os.mknod(place + '/' + name, mode | 0o666, device)
        except OSError: continue
        print('worked mknod', place, name)
print('done')
"""
        self.assertEqual(self.out("/usr/bin/python3", "-I", "-c", script), "done\n")

    def test_ptrace_gains_nothing(self):
        # Of its own processes it may trace those that hold no more than itself; none of the helper's is among them.
        script = r"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
for pid in map(int, filter(str.isdigit, os.listdir('/proc'))):
    status = open(f'/proc/{pid}/status').read()
    caps = int(status.split('CapPrm:')[1].split()[0], 16)
    if caps: print('capable process', pid)
    if os.stat(f'/proc/{pid}/root/').st_ino != os.stat('/').st_ino: print('other root', pid)
print('done')
"""
        self.assertEqual(self.out("/usr/bin/python3", "-I", "-c", script), "done\n")

    def test_links_lead_nowhere(self):
        # Inside, a link's text is looked up inside: the host's paths are not there.
        os.symlink(self.base + "/secrets/key", self.base + "/output/absolute")
        os.symlink("../secrets/key", self.base + "/output/relative")
        os.symlink("/proc/self/root" + self.base + "/secrets/key", self.base + "/output/magic")
        for name in ("absolute", "relative", "magic"):
            result = self.run_in("cat", "output/" + name)
            self.assertNotIn(SECRET, result.stdout, name)
            self.assertNotEqual(result.returncode, 0, name)

    def test_swapping_a_directory_for_a_link(self):
        script = r"""
import os, threading
os.chdir('/workspace/output')
os.makedirs('real'); open('real/key', 'w').write('harmless')
os.symlink('../secrets', 'link1'); os.symlink('%s/secrets', 'link2')
os.rename('real', 'd')
stop = False
def swap():
    while not stop:
        for link in ('link1', 'link2'):
            os.rename('d', 'aside'); os.rename(link, 'd'); os.rename('d', link); os.rename('aside', 'd')
thread = threading.Thread(target=swap); thread.start()
seen = set()
for i in range(3000):
    try: seen.add(open('d/key').read())
    except OSError: pass
    try: open('d/key', 'w').write('harmless')
    except OSError: pass
stop = True; thread.join()
print(sorted(seen - {'', 'harmless'}))
""" % self.base
        self.assertEqual(self.out("/usr/bin/python3", "-I", "-c", script), "[]\n")
        self.assertEqual(read(self.base + "/secrets/key"), SECRET)

    def test_keystrokes_cannot_be_put_into_the_terminal(self):
        leader, terminal = os.openpty()
        script = "import fcntl,termios\ntry: fcntl.ioctl(0,termios.TIOCSTI,b'x'); print('pushed')\nexcept OSError: print('refused')"
        result = self.run_in("/usr/bin/python3", "-I", "-c", script, stdin=terminal, capture_output=False, stdout=subprocess.PIPE,
                             start_new_session=True,
                             preexec_fn=lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0))
        os.close(leader)
        os.close(terminal)
        self.assertEqual(result.stdout, "refused\n")


class Ends(RunTest):
    """No process and no mount is left, however it ends."""

    def test_timeout_kills_the_tree(self):
        mark = sleeper()
        result = self.run_in("sh", "-c", f"trap '' TERM HUP INT; setsid sleep {mark} & sleep {mark}", options=["--timeout", "0.3"])
        self.assertEqual(result.returncode, 124)
        self.nothing_left(mark)
        quiet = self.run_in("sleep", mark, options=["--timeout", "0.2", "-q"])
        self.assertEqual((quiet.returncode, quiet.stderr), (124, ""))

    def test_no_timeout_before_its_time(self):
        self.assertEqual(self.run_in("sh", "-c", "exit 5", options=["--timeout", "600"]).returncode, 5)

    def test_a_grandchild_is_not_waited_for(self):
        mark = sleeper()
        result = self.run_in("sh", "-c", f"setsid sleep {mark} & exit 3")
        self.assertEqual(result.returncode, 3)
        self.nothing_left(mark)

    def test_a_grandchild_that_keeps_the_view_busy(self):
        mark = sleeper()
        loop = "import itertools\nfor i in itertools.count(): open('/workspace/output/busy','w').write(str(i)*1000)"
        result = self.run_in("sh", "-c", f"/usr/bin/python3 -c \"{loop}\" {mark} & sleep 0.2; exit 4")
        self.assertEqual(result.returncode, 4, result.stderr)
        self.nothing_left(mark)

    def test_helper_killed(self):
        for moment in ("at work", 0.004, 0.009, 0.015):
            mark = sleeper()
            process = self.start("sh", "-c", f"setsid sleep {mark} & echo ready; while :; do cat readme.txt >/dev/null; done; : {mark}")
            if moment == "at work":
                process.stdout.readline()
            else:
                time.sleep(moment)
            process.kill()
            process.wait(timeout=60)
            process.stdout.close()
            process.stderr.close()
            self.assertTrue(wait_until(lambda mark=mark: not processes_with(mark)), f"killed {moment}")

    def test_bubblewrap_killed(self):
        mark = sleeper()
        process = self.start("sh", "-c", f"echo ready; exec sleep {mark}")
        process.stdout.readline()
        children = read(f"/proc/{process.pid}/task/{process.pid}/children").split()
        self.assertEqual(len(children), 1)
        os.kill(int(children[0]), signal.SIGKILL)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 125, err)
        self.nothing_left(mark)

    def test_failures_leave_nothing(self):
        for words in (["--table", "/nonexistent.aft", "--base", self.base], ["--table", self.table, "--base", "/nonexistent"],
                      ["--table", self.table, "--base", self.base + "/readme.txt"], ["--preset", "no-such-preset", "--base", self.base],
                      ["--preset", "../x", "--base", self.base], ["--table", self.table, "--base", self.base, "--at", "/usr"]):
            result = subprocess.run([*user_words(Machine.as_user), Machine.helper, "run", *words, "--", "echo", "never"],
                                    capture_output=True, text=True, timeout=60)
            self.assertEqual(result.returncode, 125, words)
            self.assertEqual(result.stdout, "", words)
            self.assertRegex(result.stderr, r"^mount\.agentfense: [^\n]+\n$", words)

    def test_usage(self):
        helper = [*user_words(Machine.as_user), Machine.helper, "run"]
        for words in ([], ["--base", "/"], ["--table", "x", "--preset", "y", "--base", "/", "--", "x"], ["--table", "x", "--base", "/"],
                      ["--table", "x", "--base", "/", "--"], ["--bogus"], ["--table", "x", "--base", "/", "--timeout", "-1", "--", "x"],
                      ["--table", "x", "--base", "/", "--timeout", "nan", "--", "x"], ["--table", "x", "--base", "/", "--timeout", "1e300", "--", "x"],
                      ["--table", "x", "--base", "/", "--env", "X", "--", "x"], ["--table", "x", "--base", "/", "--env", "=X", "--", "x"]):
            result = subprocess.run([*helper, *words], capture_output=True, text=True, timeout=60)
            self.assertEqual(result.returncode, 125, words)
            self.assertRegex(result.stderr, r"^mount\.agentfense: [^\n]+; see mount\.agentfense run --help\n$", words)
        shown = subprocess.run([*helper, "--help"], capture_output=True, text=True, timeout=60)
        self.assertEqual(shown.returncode, 0)
        self.assertIn("Example:", shown.stdout)


class Explains(RunTest):
    """What the machine lacks, in one sentence with the remedy."""

    def refused(self, words):
        result = subprocess.run(words, capture_output=True, text=True, timeout=60)
        self.assertEqual((result.returncode, result.stdout), (125, ""), result.stderr)
        self.assertRegex(result.stderr, r"^mount\.agentfense: [^\n]+\n$")
        return result.stderr

    def test_a_closed_device(self):
        if not Machine.as_user:
            self.skipTest("root opens every device")
        os.chmod("/dev/fuse", 0o600)  # the tests' own node
        try:
            self.assertIn("chmod 0666 /dev/fuse", self.refused(self.words("true")))
        finally:
            os.chmod("/dev/fuse", 0o666)

    def test_no_bubblewrap(self):
        cover = os.path.join(Machine.work, "no-bwrap")
        write(cover, "", 0o644)
        program = os.path.realpath("/usr/bin/bwrap")
        mount(cover, program, "", MS_BIND)
        try:
            result = subprocess.run(self.words("true"), capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/usr/sbin"})
            self.assertEqual(result.returncode, 125)
            self.assertIn("install the package bubblewrap", result.stderr)
        finally:
            umount(program)

    def test_no_user_namespaces(self):
        # In a user namespace of the test's own, whose limit is its own too.
        script = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
        if Machine.as_user:
            os.chown(self.table, NOBODY, NOBODY)  # root of the outside is nobody in there
            self.addCleanup(os.chown, self.table, 0, 0)
        words = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh", *self.words("true")[len(user_words(Machine.as_user)):]]
        self.assertIn("user.max_user_namespaces", self.refused([*user_words(Machine.as_user), *words]))


if __name__ == "__main__":
    main()
