// A configuration with every key of a service, in one service or another, and values from every layer.

import type { Texts } from './loading.ts';

export const EVERY_SERVICE_KEY: Texts = {
  base: `[services.plain]
command = "sleep 1000"
[services.db]
command = ["postgres", "-D", "/data"]
cwd = "/srv/db"
user = "postgres"
group = "db"
umask = "077"
nice = 5
oom_score_adj = -500
env = { PGPORT = "5432", DB_PASSWORD = "in-the-open" }
env_file = "db.env"
pass_env = ["LANG"]
enabled = false
restart = "on-failure"
backoff = { initial = "1s", factor = 3, max = "1m", jitter = 0 }
stable_after = "20s"
max_failures = 3
retry_failed = "0s"
fatal_exit_codes = [77]
success_exit_codes = [0, 3]
stop_signal = "SIGINT"
stop_timeout = "25s"
heartbeat = { timeout = "5s", grace = "1m", file = "beat" }
log = { mode = "capture", timestamps = true }
ready = { on = "log", pattern = "ready to accept", timeout = "90s" }
on_dependency_restart = "restart"
on_failed = "shutdown"
before_start = "initdb"
after_stop = { command = ["rm", "-f", "lock"], timeout = "2s" }
tags = ["edge"]
rollout = { on_failure = "rollback" }
ionice = "best-effort:3"
no_new_privileges = true
capabilities = ["CAP_SYS_NICE"]
sockets = ["web"]
wrapper = "bwrap --die-with-parent"
[services.db.limits]
nofile = 1024
core = "unlimited"
memory = "2G"
memory_high = "1536M"
cpu = "150%"
tasks = 100
io_weight = 200
[services.web]
command = "server --port \${8080 + instance}"
instances = 2
depends_on = { db = "started" }
after = ["job"]
ready = { on = "http", url = ":8080/ready", status = 204, interval = "1s" }
health = { http = ":8080/health", status = 200, interval = "30s", timeout = "3s", failures = 5, successes = 2, on_failure = "mark" }
rollout = { max_unavailable = 2, max_surge = 1 }
log = "direct"
limits = { core = "0" }
[services.tcp]
command = "x"
ready = { on = "tcp", address = "[::1]:80" }
health = { tcp = 80 }
ionice = "idle"
capabilities = []
[services.exec]
command = "x"
ready = { on = "exec", command = "check it" }
health = { exec = ["check"] }
[services.slow]
command = "x"
ready = { on = "delay", delay = "3s" }
[services.job]
command = "x"
type = "oneshot"
timeout = "1h"
schedule = "0 3 * * *"
timezone = "UTC"
overlap = "queue"
random_delay = "5m"
catch_up = true
`,
  secret: `[services.db.env]
TOKEN = "hunter2-and-more"
[services.tcp]
cwd = "/secret/place"
`,
  env: { LANG: 'C.UTF-8', OPSD__SERVICES__EXEC__NICE: '7' },
  facts: { readText: () => ({ ok: true, text: 'FROM_FILE=a value\n' }) },
};
