"""Lines that the real programs printed (PostgreSQL 15.20, Redis 7.0.15), for rendered ones to be held against."""

POSTGRES = """\
2026-11-20 20:33:41.391 UTC [23401] LOG:  listening on IPv4 address "127.0.0.1", port 15432
2026-11-20 20:33:41.416 UTC [23405] LOG:  database system was shut down at 2026-11-20 20:33:37 UTC
2026-11-20 20:33:41.443 UTC [23401] LOG:  database system is ready to accept connections
2026-11-20 20:34:26.904 UTC [24682] [unknown]@[unknown] LOG:  connection received: host=127.0.0.1 port=50334
2026-11-20 20:33:41.660 UTC [23411] postgres@postgres LOG:  connection authorized: user=postgres database=postgres application_name=psql
2026-11-20 20:34:26.904 UTC [24682] payments_app@payments FATAL:  remaining connection slots are reserved for non-replication superuser connections
2026-11-20 20:34:30.934 UTC [24822] payments_app@payments LOG:  duration: 602.101 ms  execute <unnamed>: select pg_sleep($1), $2
2026-11-20 20:34:30.934 UTC [24822] payments_app@payments DETAIL:  parameters: $1 = '0.6', $2 = 'abc'
2026-11-20 20:34:31.741 UTC [24841] payments_app@payments FATAL:  terminating connection due to administrator command
2026-11-20 20:34:29.703 UTC [24822] payments_app@payments ERROR:  canceling statement due to statement timeout
2026-11-20 20:34:29.703 UTC [24822] payments_app@payments STATEMENT:  update ledger set bal=bal+1 where id=1
2026-11-20 20:39:31.189 UTC [23403] LOG:  checkpoint starting: time
2026-11-20 20:34:31.090 UTC [23403] LOG:  checkpoint complete: wrote 939 buffers (5.7%); 0 WAL file(s) added, 0 removed, 0 recycled; write=0.027 s, sync=0.033 s, total=0.065 s; sync files=310, longest=0.001 s, average=0.001 s; distance=4304 kB, estimate=4304 kB
2026-11-20 20:50:29.317 UTC [23403] LOG:  checkpoint starting: shutdown immediate
2026-11-20 20:50:29.457 UTC [23401] LOG:  database system is shut down
""".splitlines()  # noqa: E501

REDIS = """\
31332:C 20 Nov 2026 20:35:50.419 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo
31332:C 20 Nov 2026 20:35:50.419 # Redis version=7.0.15, bits=64, commit=00000000, modified=0, pid=31332, just started
31332:C 20 Nov 2026 20:35:50.419 # Configuration loaded
31332:M 20 Nov 2026 20:35:50.419 * monotonic clock: POSIX clock_gettime
31332:M 20 Nov 2026 20:35:50.420 * Running mode=standalone, port=16379.
31332:M 20 Nov 2026 20:35:50.420 # Server initialized
31332:M 20 Nov 2026 20:35:50.420 * Ready to accept connections
3165:M 20 Nov 2026 20:36:48.573 * 1 changes in 1 seconds. Saving...
3165:M 20 Nov 2026 20:36:48.574 * Background saving started by pid 3182
3182:C 20 Nov 2026 20:36:48.585 * DB saved on disk
3182:C 20 Nov 2026 20:36:48.589 * Fork CoW for RDB: current 0 MB, peak 0 MB, average 0 MB
3165:M 20 Nov 2026 20:36:48.675 * Background saving terminated with success
31332:signal-handler (1795207000) Received SIGTERM scheduling shutdown...
31332:M 20 Nov 2026 20:36:40.704 # User requested shutdown...
31332:M 20 Nov 2026 20:36:40.704 * Saving the final RDB snapshot before exiting.
31332:M 20 Nov 2026 20:36:40.713 # Redis is now ready to exit, bye bye...
""".splitlines()
