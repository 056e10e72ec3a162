"""The fixed list of queries that are compared with a real Prometheus."""

from __future__ import annotations

SELECTORS = r"""
up
up{job="checkout"}
up{job!="checkout"}
up{job=~"check.*|auth"}
up{job!~"check.*"}
up{job=~"check"}
up{job=~".+", nonexistent=""}
{__name__="up", job="payment"}
{__name__=~"queue_.*", zone="north"}
{job="checkout", __name__!~"http.*|request.*"}
nonexistent
up{nonexistent!=""}
up offset 5m
up offset -5m
up offset 20m
up @ 1741955000
up @ 1741955000.5 offset 1m
up offset 1m @ 1741955000
up @ start()
up @ end()
up[1m]
up{job="checkout"}[2m] offset 3m
up{job="checkout"}[2m] @ 1741955000
http_requests_total{code=~"5..",method="GET"}
odd_label{text="say \"hi\"\\n"}
odd_label{text='línea\nnueva'}
odd_label{other=`{}`}
odd_label{text=~"l.nea.*"}
odd_label{text=~"(?s)l.nea.*"}
rare_total
single_total
"a string"
`raw \string`
42
-1e-3
0x1F
Inf
-Inf
NaN
""".strip().splitlines()

RATES = r"""
rate(http_requests_total[5m])
rate(http_requests_total[1m])
rate(http_requests_total{code="500"}[37s])
rate(http_requests_total[15m] offset 5m)
rate(http_requests_total[5m] @ 1741955400)
increase(http_requests_total[5m])
increase(http_requests_total{code="404"}[20m])
irate(http_requests_total[5m])
delta(memory_bytes[10m])
idelta(memory_bytes[10m])
delta(temperature_celsius[2m])
deriv(memory_bytes[10m])
deriv(queue_length[5m])
deriv(queue_limit[5m])
predict_linear(memory_bytes[10m], 3600)
predict_linear(memory_bytes[10m] offset 2m, -60)
predict_linear(temperature_celsius[5m], time() % 600)
changes(queue_length[10m])
changes(odd_value[10m])
resets(http_requests_total[30m])
resets(odd_value[10m])
rate(rare_total[20m])
increase(rare_total[45m])
rate(single_total[45m])
holt_winters(memory_bytes[10m], 0.3, 0.6)
holt_winters(memory_bytes[10m], 1.3, 0.6)
rate(odd_value[5m])
increase(odd_value[5m])
delta(odd_value[5m])
irate(odd_value[5m])
""".strip().splitlines()

OVER_TIME = r"""
avg_over_time(memory_bytes[5m])
avg_over_time(odd_value[5m])
avg_over_time(queue_limit[7m])
sum_over_time(temperature_celsius[10m])
sum_over_time(odd_value[5m])
sum_over_time(odd_value{kind="wide"}[45m])
min_over_time(temperature_celsius[10m])
max_over_time(temperature_celsius[10m])
min_over_time(odd_value[3m])
max_over_time(odd_value[3m])
count_over_time(up[5m])
last_over_time(up[5m])
present_over_time(up[5m])
absent_over_time(up[5m])
absent_over_time(nonexistent{job="a", zone=~"b"}[5m])
absent_over_time(up{job="payment", instance="payment-b:8080"}[5m])
absent_over_time(up{instance="auth-b:8080"}[5m])
quantile_over_time(0.9, temperature_celsius[10m])
quantile_over_time(0, queue_length[10m])
quantile_over_time(2, queue_length[10m])
quantile_over_time(-1, queue_length[10m])
quantile_over_time(NaN, queue_length[10m])
quantile_over_time(0.3, odd_value[5m])
quantile_over_time(scalar(queue_limit{zone="north",rack="1"}) / 8, temperature_celsius[5m])
stddev_over_time(temperature_celsius[10m])
stdvar_over_time(memory_bytes[10m])
stddev_over_time(queue_limit[10m])
stdvar_over_time(odd_value{kind!="huge"}[5m])
max_over_time(rate(http_requests_total{code="500"}[2m])[10m:30s])
avg_over_time(up[10m:])
sum_over_time(vector(1)[10m:1m])
sum_over_time(time()[10m:1m])
rate(http_requests_total{job="checkout"}[10m:15s])
rate(http_requests_total{job="checkout"}[10m:7s] offset 1m)
max_over_time((queue_length > 2)[10m:1m])
min_over_time(sum(queue_length)[10m:1m] @ 1741955400)
min_over_time(sum(queue_length)[10m:1m] @ end())
avg_over_time(avg_over_time(queue_length[5m:1m])[5m:30s])
queue_length{rack="1"}[3m:1m]
rate(memory_bytes[5m])[2m:1m]
timestamp(up)[2m:30s]
sum_over_time((up @ start())[5m:1m])
count_over_time({__name__=~"queue_.*"}[5m])
last_over_time({__name__=~"queue_.*"}[5m])
""".strip().splitlines()

AGGREGATIONS = r"""
sum(http_requests_total)
sum by (job) (http_requests_total)
sum by (job, code) (rate(http_requests_total[5m]))
sum without (instance, code, method) (rate(http_requests_total[5m]))
sum(rate(http_requests_total[5m])) by (job)
sum without () (up)
sum by () (up)
sum by (nonexistent) (up)
sum by (__name__, job) ({__name__=~"up|memory_bytes"})
avg by (zone) (temperature_celsius)
avg(odd_value)
avg(queue_limit * 0.1)
min by (rack) (temperature_celsius)
max without (rack) (temperature_celsius)
min(odd_value)
max(odd_value)
max(odd_value{kind="missing"})
count by (job) (up)
count(nonexistent)
sum(nonexistent)
group by (zone) (queue_length)
stddev by (zone) (temperature_celsius)
stdvar(memory_bytes)
stddev(odd_value)
stddev(queue_limit)
quantile(0.9, temperature_celsius)
quantile by (zone) (0.5, temperature_celsius)
quantile(1.5, temperature_celsius)
quantile(-0.5, temperature_celsius)
quantile(NaN, temperature_celsius)
quantile(scalar(queue_limit{zone="north",rack="1"}) / 10, temperature_celsius)
quantile(0.4, odd_value)
topk(3, memory_bytes)
bottomk(2, temperature_celsius)
topk by (zone) (1, temperature_celsius)
bottomk without (zone) (1, temperature_celsius)
topk(0, up)
topk(-2, up)
topk(100, temperature_celsius)
topk(NaN, up)
topk(1e30, up)
topk(2.9, memory_bytes)
topk(scalar(queue_limit{zone="north",rack="1"}), memory_bytes)
count_values("value", queue_length)
count_values by (zone) ("value", queue_length)
count_values without (rack) ("zone", queue_length)
count_values("value", odd_value)
count_values("9", up)
sum(topk(2, memory_bytes))
max(sum by (job) (rate(http_requests_total[5m])))
""".strip().splitlines()

OPERATORS = r"""
1 + 2 * 3 ^ 2 ^ 0.5 % 4 / 7 - -1
-2 ^ 2
1 / 0
0 / 0
-1 % 0
5 % -3
-5 % 3
1 > bool 2
NaN == bool NaN
1 atan2 2
up + 1
1 + up
2 ^ queue_length
queue_length % 3
-queue_length
-(-queue_length)
+queue_length
-{__name__=~"queue_.*"}
{__name__=~"queue_.*"} * 2
queue_length > 2
2 < queue_length
queue_length > bool 2
queue_length == 3
queue_length != 3
queue_length >= 3
3 <= queue_length
temperature_celsius > 0 < 3
queue_length / queue_limit
queue_length < queue_limit
queue_length < bool queue_limit
queue_length > queue_limit
queue_length + on(zone, rack) queue_limit
queue_length + ignoring(rack) queue_limit
queue_length + on(zone) group_left queue_limit
queue_length + on(zone) group_left sum by (zone) (queue_limit)
sum by (zone) (queue_limit) - on(zone) group_right queue_length
queue_length > on(zone) group_left avg by (zone) (queue_length)
queue_length > bool on(zone) group_left avg by (zone) (queue_length)
pool_connections / on(service) group_left pool_limit
pool_connections / on(service) group_left(tier) pool_limit
pool_connections / on(service) group_left(nonexistent) pool_limit
pool_limit * on(service) group_right(tier) pool_connections
pool_connections * on(service) pool_limit
pool_limit * on(service) pool_connections
sum by (service) (pool_connections) / on(service) pool_limit
sum by (service) (pool_connections) > on(service) pool_limit
up * on(job, instance) group_left(version) build_info
up and up
up and on(job) queue_length
up and on() vector(1)
up and on() (vector(1) > 2)
up or queue_length
up{job="auth"} or up{job="payment"}
up{job="auth"} or on(job) up
up or vector(3)
up unless up{job="auth"}
up unless on(job) up{instance="auth-b:8080"}
queue_length and ignoring(zone) queue_limit{zone="north"}
temperature_celsius unless temperature_celsius > 0
(queue_length > 3) or (temperature_celsius > 3)
up == 1 and on(job) rate(http_requests_total{code="500"}[5m]) > 1.4
queue_length atan2 queue_limit
temperature_celsius ^ queue_length
odd_value / odd_value
odd_value - odd_value
odd_value == odd_value
odd_value > 0
odd_value % 7
nonexistent + up
up + nonexistent
up or nonexistent
memory_bytes - memory_bytes offset 5m
sum(rate(http_requests_total{code=~"5.."}[5m])) by (job) / sum(rate(http_requests_total[5m])) by (job)
1 - avg_over_time(up[10m])
scalar(queue_limit) + up
up + on() group_left vector(1)
""".strip().splitlines()

HISTOGRAMS = r"""
histogram_quantile(0.9, sum by (le) (rate(request_seconds_bucket[5m])))
histogram_quantile(0.5, sum by (le, job) (rate(request_seconds_bucket[5m])))
histogram_quantile(0.99, rate(request_seconds_bucket[5m]))
histogram_quantile(0, rate(request_seconds_bucket[5m]))
histogram_quantile(1, rate(request_seconds_bucket[5m]))
histogram_quantile(1.1, rate(request_seconds_bucket[5m]))
histogram_quantile(-0.1, rate(request_seconds_bucket[5m]))
histogram_quantile(NaN, rate(request_seconds_bucket[5m]))
histogram_quantile(scalar(queue_limit{zone="north",rack="1"}) / 5, rate(request_seconds_bucket[5m]))
histogram_quantile(0.9, request_seconds_bucket)
histogram_quantile(0.9, request_seconds_count)
histogram_quantile(0.5, odd_bucket)
histogram_quantile(0.1, odd_bucket)
histogram_quantile(0.99, rate(odd_bucket[5m]))
histogram_quantile(0.9, request_seconds_bucket{le!="+Inf"})
histogram_quantile(0.9, request_seconds_bucket{le=~"1|.Inf"})
histogram_quantile(0.5, odd_bucket * (queue_length{zone="north",rack="1"} > 1))
histogram_quantile(0.5, rate(request_seconds_bucket[5m]) > 0.1)
sum by (job) (rate(request_seconds_bucket{le="0.5"}[5m])) / sum by (job) (rate(request_seconds_count[5m]))
rate(request_seconds_sum[5m]) / rate(request_seconds_count[5m])
histogram_count(request_seconds_bucket)
histogram_sum(request_seconds_bucket)
histogram_fraction(0, 1, request_seconds_bucket)
""".strip().splitlines()

FUNCTIONS = r"""
abs(temperature_celsius)
ceil(temperature_celsius)
floor(temperature_celsius)
round(temperature_celsius)
round(temperature_celsius, 0.3)
round(temperature_celsius, 10)
round(temperature_celsius, 0)
round(odd_value)
exp(temperature_celsius)
ln(temperature_celsius)
log2(memory_bytes)
log10(odd_value)
sqrt(temperature_celsius)
sgn(temperature_celsius)
sgn(odd_value)
sin(temperature_celsius)
cos(temperature_celsius)
tan(temperature_celsius)
asin(temperature_celsius / 20)
acos(temperature_celsius / 20)
atan(temperature_celsius)
sinh(temperature_celsius)
cosh(temperature_celsius)
tanh(temperature_celsius)
asinh(temperature_celsius)
acosh(temperature_celsius)
atanh(temperature_celsius / 20)
deg(temperature_celsius)
rad(temperature_celsius)
pi()
clamp(temperature_celsius, -1, 2)
clamp(temperature_celsius, 2, -1)
clamp(temperature_celsius, NaN, 1)
clamp_min(temperature_celsius, 0)
clamp_max(temperature_celsius, 0)
clamp_max(odd_value, 1)
clamp(queue_length, scalar(queue_length{zone="north",rack="1"}), 3)
sort(temperature_celsius)
sort_desc(temperature_celsius)
sort(odd_value{kind!="mixed"})
time()
time() - timestamp(up)
timestamp(up)
timestamp(up offset 5m)
timestamp(up @ 1741955000)
timestamp(timestamp(up))
timestamp((up))
timestamp(up + 1)
vector(1)
vector(time())
scalar(up)
scalar(pool_limit{service="redis"})
scalar(nonexistent)
absent(up)
absent(nonexistent)
absent(nonexistent{job="a",zone!="b",rack=~"c",x="d",x="e"})
absent((nonexistent{job="a"}))
absent(sum(nonexistent{job="a"}))
absent(up{instance="auth-b:8080"})
absent(queue_length > 100)
label_replace(up, "pod", "$1", "instance", "(.*):.*")
label_replace(up, "pod", "${1}-x$2$$", "instance", "(.*)-(.*):.*")
label_replace(up, "pod", "$name", "instance", "(?P<name>[a-z]+)-.*")
label_replace(up, "pod", "$1x", "instance", "(.*):.*")
label_replace(up, "pod", "none", "instance", "checkout")
label_replace(up, "job", "", "job", "auth")
label_replace(up, "job", "same", "instance", ".*")
label_replace(up, "instance", "same", "instance", ".*")
label_replace(up, "__name__", "renamed", "job", ".*")
label_replace(up, "bad-name", "x", "job", ".*")
label_replace(up, "pod", "x", "job", "(")
label_replace(up, "pod", "empty", "nonexistent", "")
label_join(up, "both", "/", "job", "instance")
label_join(up, "both", ", ", "nonexistent", "job")
label_join(up, "both", "")
label_join(up, "instance", "")
label_join(up, "bad-name", "", "job")
minute()
hour()
day_of_month()
day_of_week()
day_of_year()
days_in_month()
month()
year()
minute(clock_seconds)
day_of_week(vector(1741953600 - 86400 * 3))
days_in_month(vector(1709164800))
year(vector(-1))
month(temperature_celsius * 1e7)
day_of_year(vector(1735603200))
abs({__name__=~"queue_.*"})
sum(up) / count(up) > bool 0.5 and on() vector(1)
""".strip().splitlines()

WRONG = r"""
foo(up)
up{
up{job=}
sum by job (up)
rate(up)
rate(up[5m:])[5m]
abs(up[5m])
1 > 2
1 and 2
up and 1
"a" + "b"
up[5m] + 1
-"a"
up{job=~"("}
up{job=~"(?=a)"}
{}
{job=""}
{job=~".*"}
up[0s]
up[5m:0s]
up[5]
up[1m1h]
up offset 5
1h
up offset 1m offset 2m
up @ 1 @ 2
(up + 1) offset 5m
up{"job"="auth"}
{"up"}
sum by ("job") (up)
up{job="auth" or job="payment"}
up + fill(0) up
limitk(2, up)
info(up)
double_exponential_smoothing(up[5m], 0.5, 0.5)
mad_over_time(up[5m])
sort_by_label(up, "job")
histogram_avg(up)
holt_winters(up[5m], 0.5)
topk(up)
topk("a", up)
count_values(1, up)
quantile(up, up)
scalar(1)
vector(up)
label_replace(up, "a", "b")
time(1)
round(up, 1, 2)
histogram_quantile(up, up)
up + on(job) group_left(job) up
up or on(job) group_left up
up + bool up
up == == up
up ! up
up{job="a",,}
up @ NaN
up offset 1.5m
ABS(up)
""".strip().splitlines()

FAMILIES: dict[str, list[str]] = {
    "selectors": SELECTORS,
    "rates": RATES,
    "over_time": OVER_TIME,
    "aggregations": AGGREGATIONS,
    "operators": OPERATORS,
    "histograms": HISTOGRAMS,
    "functions": FUNCTIONS,
    "wrong": WRONG,
}
ALL = [query for family in FAMILIES.values() for query in family]
