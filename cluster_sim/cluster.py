"""A cluster: the declared topology brought to life on one clock, with its users."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Callable
from heapq import heapify

from simpy.events import Event

from .clock import EPOCH_UNIX_S, nanoseconds
from .engine import lifecycle
from .engine.admission import Admission
from .engine.ahead import Ahead, is_rehearsed, rehearsed
from .engine.attack import Attack
from .engine.autoscaler import Autoscaler
from .engine.background import Background
from .engine.call import Call
from .engine.config import ConfigStore, SecretRevision
from .engine.conntrack import Conntrack
from .engine.crashes import ERROR, FAILED_START, FATAL
from .engine.edge import Edge
from .engine.executor import Executor
from .engine.external import External
from .engine.fast.forward import FastForward
from .engine.health import Probe
from .engine.jwks import KeyDirectory
from .engine.link import Detour, Interface
from .engine.locks import TableLock
from .engine.memory import ProcessMemory, StoreMemory
from .engine.program import Compiler, Key, Program, key_rates
from .engine.recorder import Recorder
from .engine.release import HEALTHY, Behaviour
from .engine.replica import Replica
from .engine.service import Service
from .engine.simulation import Simulation
from .errors import UnknownName
from .rng import Streams
from .saved import Saved
from .specs import USERS, ClusterSpec, Work, steps_in
from .telemetry.alerts import AlertManager
from .telemetry.recordings import Recordings
from .telemetry.scrape import Scraper
from .telemetry.store import MetricStore
from .workload import Workload

_POD_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' alphabet for generated names (k8s.io/apimachinery, util/rand)."""


NODES = 3
"""Nodes of the cluster (chosen); pods are spread over them as `lifecycle.add_replica` numbers them."""


class Later(Event):
    """A function called at an instant; a bound method, so that it pickles."""

    _ok = True
    _value = None
    _defused = True

    def __init__(self, function: Callable[..., None], args: tuple[object, ...]) -> None:
        self.function = function
        self.args = args
        self.callbacks = [self._call]

    @property
    def ahead(self) -> Ahead:
        """What the function says of itself."""
        return Ahead.REHEARSED if is_rehearsed(self.function) else Ahead.BLOCKS

    def _call(self, _: Event) -> None:
        self.function(*self.args)


class Cluster:
    """A running cluster. All its state is in this object, which pickles.

    Attributes:
        seed: together with the spec, the noise level and what is done to it, it decides everything that happens.
        noise: level of background trouble and of unevenness of traffic; 1 is usual, 0 none.
        operations: rolling deploys and scalings under way.
        jobs: programs of others that use the cluster and are not done.
        actions: names of the changes made from outside, with the time of each.
        interfaces: node → its network interface.
        zones: service → the zone it is in, of those that are not in the usual one.
        far: nanoseconds that a round trip between zones takes more than within one.
        losses: what was destroyed of which there was no other copy.
        chosen: the parameters that faults have drawn, by name.
        without_network: node → nanoseconds, until when processes that start there cannot reach anything.
        fast_forward: whether stretches without trouble are computed at once; the results are the same.
        epoch_s: Unix time in whole seconds of simulated zero; only telemetry shows it.
    """

    def __init__(
        self,
        spec: ClusterSpec,
        seed: int,
        noise: float = 1.0,
        *,
        epoch_s: int = EPOCH_UNIX_S,
        fast_forward: bool = True,
    ) -> None:
        self.spec = spec
        self.seed = seed
        self.noise = noise
        self.epoch_s = epoch_s
        self.streams = Streams(seed)
        self.sim = Simulation()
        compiler = Compiler(spec)
        into = {service.name: [e for e in compiler.edges if e.server == service.name] for service in spec.services}
        self.services = {s.name: Service(s, i, len(into[s.name])) for i, s in enumerate(spec.services)}
        services = list(self.services.values())
        slo = [nanoseconds(endpoint.slo_latency_s) for endpoint in spec.endpoints]
        self.recorder = Recorder(self.sim, services, slo)
        lifetime = next((s.keys.token_lifetime_s for s in spec.services if s.keys), 300.0)
        self.executor = Executor(self.sim, self.streams, self.recorder, nanoseconds(lifetime))
        self.interfaces = {node: Interface(node) for node in (f"node-{1 + number}" for number in range(NODES))}
        self.zones: dict[str, str] = {}
        self.far = 0
        self.edges = [Edge(e, into[e.server].index(e), self.executor) for e in compiler.edges]
        self.admissions = [Admission(self, service) for service in services if service.keyspace is not None]
        for admission in self.admissions:
            admission.service.admission = admission
        self.operations: list[Event] = []
        self.jobs: list[Event] = []
        self.actions: list[tuple[int, str]] = []
        self.losses: list[str] = []
        self.chosen: dict[str, object] = {}
        self.without_network: dict[str, int] = {}
        self._uid = 0
        self.config = self._config_store()
        self.directory = KeyDirectory(self, self.config.current.kid)
        self.clocks = self.executor.clocks
        self.conntrack = Conntrack(self)
        self.attack: Attack | None = None
        for service in services:
            minor = 10 + self.streams.bits("version", service.index) % 20
            service.version = f"2.{minor}.{self.streams.bits('patch', service.index) % 8}"
            for _ in range(service.spec.replicas):
                lifecycle.add_replica(self, service, instantly=True)
        self._fill_pools()
        self._fill_caches(compiler.programs)
        self._hand_out_tokens()
        self.externals = self._externals()
        codes = [program.linked(self.edges, services, self.externals) for program in compiler.programs]
        self.workload = Workload(spec, compiler.programs, codes, self.executor, noise)
        self.executor.workload = self.workload
        self._know_keys()
        self.background = Background(self, noise)
        self.memory = [StoreMemory(self, service) for service in services if service.keyspace is not None]
        self.processes = [ProcessMemory(self, service) for service in services if service.spec.memory is not None]
        self.executor.crash = self.crash
        self.probes = [
            Probe(self, service, liveness=liveness)
            for service in services
            for probe, liveness in ((service.spec.liveness, True), (service.spec.readiness, False))
            if probe is not None
        ]
        self.autoscalers = [
            Autoscaler(self, service, service.spec.autoscale) for service in services if service.spec.autoscale
        ]
        self.fast_forward = fast_forward
        self.fast = FastForward(self)
        self.alerts = AlertManager(self)
        self.scrapes = Scraper(self)
        self.recordings = Recordings()
        self.metrics = MetricStore(self, self.recordings)

    # ------------------------------------------------------------ start

    def _externals(self) -> dict[str, External]:
        """The systems outside, each known to the services that wait for it."""
        externals: dict[str, External] = {}
        for service in self.services.values():
            steps = [step for operation in service.spec.operations for step in steps_in(operation.steps)]
            for name in dict.fromkeys(step.external for step in steps if isinstance(step, Work) and step.external):
                service.externals.append(externals.setdefault(name, External(name)))
        return externals

    def _config_store(self) -> ConfigStore:
        holder = next((s.name for s in self.spec.services if s.keys is not None), "")
        owner = "config-service" if "config-service" in self.services else holder
        revision = 30 + self.streams.bits("secret-revision") % 60
        first = SecretRevision(revision=revision, kid=self.key_id(revision))
        return ConfigStore(self, holder, owner, first)

    def key_id(self, revision: int) -> str:
        """The id of the key of a secret revision."""
        return f"jwt-{revision}-{self.streams.bits('kid', revision) % 0xFFFF:04x}"

    def _fill_pools(self) -> None:
        for service in self.services.values():
            for replica in service.replicas:
                for pool in replica.pools.values():
                    assert pool.server.backends is not None
                    while pool.open < pool.size and pool.server.backends.try_open():
                        pool.add()
                    if pool.open < pool.size:
                        pool.filler.start()

    def _know_keys(self) -> None:
        """How many keys stores may come to hold."""
        populations = [c.population for p in self.workload.programs for c in p.columns if isinstance(c, Key)]
        for service in self.services.values():
            if service.keyspace is not None:
                service.keyspace.population = max(populations, default=0)

    def _fill_caches(self, programs: list[Program]) -> None:
        """Each key is there with the probability it has in the steady state of Poisson lookups, λT / (1 + λT)."""
        stores = [service.keyspace for service in self.services.values() if service.keyspace is not None]
        rates = key_rates(self.spec, programs) if stores else []
        for keyspace in stores:
            live = []
            for key, rate in enumerate(rates):
                load = rate * keyspace.spec.ttl_s
                if self.streams.uniform("warm", key) < load / (1 + load):
                    live.append((1 + int(keyspace.ttl * self.streams.uniform("warm-age", key)), key))
            for expires, key in sorted(live):
                if keyspace.used_bytes + keyspace.spec.entry_bytes <= keyspace.maxmemory_bytes:
                    keyspace.entries[key] = expires
                    keyspace.expiring.append((expires, key))

    def _hand_out_tokens(self) -> None:
        if self.config.holder:
            lifetime = self.executor.token_lifetime
            for user in range(self.spec.users):
                expires = int(lifetime * self.streams.uniform("token-age", user))
                self.executor.tokens[user] = (self.config.current.kid, expires)

    # ------------------------------------------------------------ names

    def service(self, name: str) -> Service:
        """The running service of that name."""
        try:
            return self.services[name]
        except KeyError:
            raise UnknownName("service", name) from None

    def edge(self, client: str, server: str, operation: str | None = None) -> Edge:
        """The running call from a client to a server's operation (the only one, if none is named)."""
        for edge in self.edges:
            if edge.client == client and edge.server == server and operation in (None, edge.operation):
                return edge
        raise UnknownName("call", f"{client} -> {server} {operation or ''}".rstrip())

    def user_edges(self) -> list[Edge]:
        """The calls that users make."""
        return [edge for edge in self.edges if edge.client == USERS]

    @property
    def plain(self) -> bool:
        """Whether there is nothing in it now that only events can run."""
        return not (
            self.autoscalers
            or any(edge.gate is not None for edge in self.edges)
            or not all(external.usual for external in self.externals.values())
            or any(service.slowed or service.behaviour != HEALTHY for service in self.services.values())
            or any(s.keyspace is not None and not s.keyspace.plain for s in self.services.values())
            or self.clocks.drifts
            or self.config.leeway
            or self.executor.accounts is not None
            or not self.directory.agrees()
            or any(r.behaviour != HEALTHY for service in self.services.values() for r in service.replicas)
        )

    @property
    def last_uid(self) -> int:
        """The highest number that a pod has had."""
        return self._uid

    def next_uid(self) -> int:
        """A number no pod has had."""
        self._uid += 1
        return self._uid

    def pod_name(self, service: Service, ordinal: int, uid: int) -> str:
        """`payment-service-7d9f8b6c5-x2k4q`, or `auth-service-2` where replicas have an identity of their own."""
        if service.spec.keys is not None or service.spec.replicas == 1:
            return f"{service.name}-{ordinal}"
        template = self._letters(10, "template", service.index, service.generation)
        return f"{service.name}-{template}-{self._letters(5, 'pod', uid)}"

    def _letters(self, count: int, stream: str, *keys: int) -> str:
        bits = self.streams.bits(stream, *keys)
        letters = []
        for _ in range(count):
            bits, rest = divmod(bits, len(_POD_ALPHABET))
            letters.append(_POD_ALPHABET[rest])
        return "".join(letters)

    # ------------------------------------------------------------ time

    @property
    def now(self) -> int:
        """Simulated nanoseconds since the start."""
        return self.sim.now

    def run_for(self, duration_s: float) -> None:
        """Let simulated time pass."""
        self.run_until(self.sim.now + nanoseconds(duration_s))

    def run_until(self, end: int) -> None:
        """Let simulated time pass until an instant."""
        enabled = gc.isenabled()
        # The loop makes and drops millions of small objects and no garbage cycles worth a collection.
        gc.disable()
        try:
            if self.fast_forward:
                self.fast.run_until(end)
            else:
                self.executor.run_until(end)
            self.scrapes.evaluate()
        finally:
            if enabled:
                gc.enable()

    def after(self, delay: int, function: Callable[..., None], *args: object) -> None:
        """Call a bound method later."""
        self.sim.push(self.sim.now + delay, Later(function, args))

    def snapshot(self) -> bytes:
        """The whole state."""
        return pickle.dumps(self, pickle.HIGHEST_PROTOCOL)

    @staticmethod
    def restore(snapshot: bytes) -> Cluster:
        """A cluster that goes on from a snapshot exactly as the original would."""
        cluster = pickle.loads(snapshot)
        assert isinstance(cluster, Cluster)
        return cluster

    def branch(self) -> Cluster:
        """An independent copy that sees the same traffic."""
        return Saved(self).restore()

    # ------------------------------------------------------------ changes

    def note_action(self, name: str) -> None:
        """Keep the name and time of a change made from outside."""
        self.actions.append((self.sim.now, name))

    def roll(self, service: str, reason: str = "Completed") -> None:
        """Begin a rolling restart of a service with its present pod template."""
        lifecycle.Rollout(self, self.service(service), reason)

    def deploy(self, service: str, behaviour: Behaviour | None = None) -> None:
        """Begin to roll out a new version of a service: the pod template as it stands, with another behaviour if any.

        Change the template (`workers`, `pools`, …) after this call and within the same instant: the first pod that
        takes it over does so later.
        """
        deployed = self.service(service)
        deployed.previous = deployed.release()
        major, minor, _ = deployed.version.split(".")
        deployed.version = f"{major}.{int(minor) + 1}.0"
        if behaviour is not None:
            deployed.behaviour = behaviour
        self.roll(service)

    def roll_back(self, service: str) -> None:
        """Begin to roll a service back to the release before the present one."""
        running = self.service(service)
        if running.previous is not None:
            running.adopt(running.previous)
            running.previous = None
        else:  # older than what is remembered; it behaves the same
            major, minor, _ = running.version.split(".")
            running.version = f"{major}.{int(minor) - 1}.0"
        self.roll(service)

    def restart(self, service: str, reason: str = "Completed") -> None:
        """Restart every replica of a service at once."""
        lifecycle.Recreation(self, self.service(service), reason)

    def fail_over(self, service: str, zone: str = "", round_trip_s: float = 0.0) -> None:
        """Promote the standby of a database, with the same settings and data; every session is cut.

        Args:
            zone: where it is, if away from the clients, every round trip of whom takes `round_trip_s` longer then.
        """
        self.relocate(service, zone=zone, round_trip_s=round_trip_s)
        for replica in self.service(service).replicas:
            where = f" ({zone})" if zone else ""
            self.record_event(self.service(service), replica, "Normal", "Promoted", f"promoted {replica.name}{where}")
        self.restart(service)

    def relocate(self, *services: str, zone: str = "", round_trip_s: float = 0.0) -> None:
        """Place services in another zone, or back in the usual one; calls between zones are far from then on.

        Args:
            round_trip_s: seconds that a round trip between zones takes more than within one; 0: as it was.
        """
        for name in services:
            self.zones[name] = zone
        self.zones = {name: zone for name, zone in self.zones.items() if zone}
        self.far = nanoseconds(round_trip_s) or self.far
        for edge in self.edges:
            for obstacle in list(edge.gate.obstacles) if edge.gate is not None else ():
                if isinstance(obstacle, Detour):
                    edge.clear(obstacle)
            client, server = self.zones.get(edge.client, ""), self.zones.get(edge.server, "")
            if client != server:
                edge.obstruct(Detour(server, self.far, self.streams))

    def scale(self, service: str, replicas: int, pace_s: float = 8.0) -> None:
        """Begin to bring a service to a number of replicas; a scaling under way goes on to the new number."""
        for operation in self.operations:
            if isinstance(operation, lifecycle.Scaling) and operation.service.name == service:
                operation.replicas = replicas
                return
        lifecycle.Scaling(self, self.service(service), replicas, nanoseconds(pace_s))

    def next_node(self, replica: Replica) -> str:
        """Where a pod goes when it has to leave its node."""
        node = int(replica.node.removeprefix("node-"))
        return f"node-{node % 3 + 1}"

    def evict(self, replica: Replica) -> None:
        """Move a pod to another node: its process is lost and starts again there."""
        self.clocks.left(replica, self.sim.now)
        replica.node = self.next_node(replica)
        lifecycle.restart(self, replica, "Evicted")

    def slow_down(self, replica: Replica, factor: float, until: int) -> None:
        """Make the work of a replica take `factor` times as long until an instant."""
        self.after(until - self.sim.now, self.end_slow_spell, replica, replica.restarts)
        replica.set_slow(factor)

    def forget(self, before: int) -> None:
        """Drop records of what was over before an instant; a cluster that runs for days would keep them all."""
        self.recorder.forget(before)
        self.recordings.forget(before)
        self.alerts.history = [a for a in self.alerts.history if a.resolved_at is None or a.resolved_at >= before]

    def surge(self, factor: float, duration_s: float) -> None:
        """Users send `factor` times as many requests for a while, from the next window on."""
        self.workload.rate_factor = factor
        self.after(nanoseconds(duration_s), self.end_surge)

    def end_surge(self) -> None:
        """As many requests as ever, from the next window on."""
        self.workload.rate_factor = 1.0

    def drop_idle_connections(self, server: str) -> None:
        """Close the connections to a server that no client is using; the pools open theirs again."""
        backends = self.service(server).backends
        assert backends is not None
        for service in self.services.values():
            for replica in service.replicas:
                for pool in replica.pools.values():
                    if pool.server.name == server:
                        backends.used -= pool.drop_idle()
                        pool.filler.start()

    def end_transactions(self, server: str) -> None:
        """End the sessions at a server that are idle in a transaction; who used them gets an error."""
        for service in self.services.values():
            for replica in service.replicas:
                for pool in replica.pools.values():
                    if pool.server.name == server and pool.transactions is not None:
                        pool.transactions.terminate()

    def cancel_calls(self, service: str, *, longer_than_s: float) -> None:
        """End, with an error, what a service has been at for too long."""
        before = self.sim.now - nanoseconds(longer_than_s)
        lifecycle.cancel(self, self.service(service), before)
        for lock in self.service(service).locks.values():
            lock.cancel(before)

    def lock(self, server: str, table: str) -> TableLock:
        """Who has or wants a lock on a table of a database."""
        locks = self.service(server).locks
        if table not in locks:
            locks[table] = TableLock(self, self.service(server), table)
        return locks[table]

    def stop_world(self, replica: Replica, length: int) -> None:
        """What is in progress at a replica, and what would begin, waits `length` nanoseconds."""
        now = self.sim.now
        replica.paused_until = max(replica.paused_until, now) + length
        replica.disturbed = True
        replica.pauses += 1
        replica.paused += length
        self.delay_work(replica, length)
        self.after(replica.paused_until - now, replica.end_pause, self.sim)

    def delay_work(self, replica: Replica, delay: int) -> None:
        """Postpone the end of all work in progress at a replica."""
        if replica.free == replica.workers:
            return
        queue = self.sim.queue
        moved = []
        for index, (at, priority, sequence, event) in enumerate(queue):
            if event.__class__ is Call and event.replica is replica and at > self.sim.now:
                queue[index] = (at + delay, priority, sequence, event)
                moved.append(index)
        if moved:
            heapify(queue)

    def record_event(self, service: Service, replica: Replica, kind: str, reason: str, message: str) -> None:
        """An event of the orchestrator about a pod."""
        self.recorder.log(service.name, replica.name, "kubernetes", kind, reason, message)

    # ------------------------------------------------------------ things that happen later

    def entrypoint_failed(self, replica: Replica, restarts: int) -> None:
        """What runs before a server's process has found no room for its files."""
        if replica.restarts == restarts and replica.alive:
            replica.failed_starts += 1
            lifecycle.restart(self, replica, ERROR, code=FAILED_START, words="entrypoint_failed")

    def start_again(self, replica: Replica, restarts: int) -> None:
        """The pause before another start is over, unless somebody has not waited for it."""
        if replica.restarts == restarts and not replica.alive and replica in replica.service.replicas:
            replica.waiting = ""
            replica.restarts += 1
            lifecycle.start(self, replica)

    def replica_ready(self, replica: Replica, restarts: int) -> None:
        gone = replica.draining or replica not in replica.service.replicas
        if gone or not replica.alive or replica.restarts != restarts:
            return
        spec = replica.service.spec
        replica.ready = True
        replica.failed_starts = 0
        replica.service.refresh_ready()
        if replica.slow < spec.warmup_factor:
            replica.set_slow(spec.warmup_factor)
            self.after(nanoseconds(spec.warmup_s), self.end_slow_spell, replica, restarts)
        self.recorder.log(replica.service.name, replica.name, "started", self.sim.now - replica.started)

    def crash(self, replica: Replica) -> None:
        """What a replica is just doing ends its process, after what is already due at this instant."""
        self.after(0, self._die, replica, replica.restarts)

    def _die(self, replica: Replica, restarts: int) -> None:
        if replica.alive and replica.restarts == restarts:
            code = FATAL.get(replica.service.spec.language)
            lifecycle.restart(self, replica, ERROR, code=code, words="crashed")

    def start_failed(self, replica: Replica, restarts: int) -> None:
        """A process could not reach what it needs at its start, and ends."""
        if replica.alive and replica.restarts == restarts and replica in replica.service.replicas:
            replica.failed_starts += 1
            lifecycle.restart(self, replica, ERROR, code=FAILED_START, words="start_failed")

    @rehearsed
    def end_slow_spell(self, replica: Replica, restarts: int) -> None:
        if replica.restarts == restarts:
            replica.set_slow(replica.service.slow)
