// The rooms of the source, from the ground up: what each is for, and by which files others enter it. Tests hold this table.

export interface Room {
  /** The folder below src, or the name of a file that lies in src itself. */
  readonly name: string;
  readonly what: string;
  /** The files that others may import; absent: all of them. */
  readonly doors?: readonly string[];
}

/** A room imports only rooms that stand above it in this list: nothing runs in a circle. */
export const ROOMS: readonly Room[] = [
  { name: 'errors', what: 'the errors that end a command, and their exit codes' },
  { name: 'core/model', what: 'the words of the core: states, specs, events, effects, the state of everything' },
  {
    name: 'core/life',
    what: 'the life of one service: what each event does to it in each of its states',
  },
  { name: 'core/fleet', what: 'many services: a step over all of them, ordering, commands, the shutdown' },
  {
    name: 'core/rollout',
    what: 'rollouts: the members of a service are replaced one after the other',
    doors: ['commands', 'note', 'reload', 'reload-plan', 'restore', 'rollout'],
  },
  { name: 'core/adoption', what: 'what one opsd leaves to the next, and how the next takes over' },
  {
    name: 'core',
    what: 'the supervisor as a pure function: state, event and time to a new state and effects; a configuration comes into force',
    doors: ['supervisor'],
  },
  { name: 'text', what: 'names, globs, quantities, safe text: words that know nothing of supervision' },
  { name: 'api', what: 'what opsd tells and can be asked for: the shapes of the JSON API' },
  { name: 'runtime', what: 'the loop, the clock, and from effects to the ports that carry them out' },
  { name: 'why', what: 'the explanation of a service: cause, evidence, next step, advice', doors: ['why', 'facts'] },
  {
    name: 'config/source',
    what: 'TOML and env files to values that know their lines',
    doors: ['parse', 'tree', 'env-file'],
  },
  { name: 'config/secrets', what: 'what is secret, by its layer and by its name, and within other values' },
  { name: 'config/report', what: 'problems with their places, and what is never shown' },
  { name: 'config/values', what: 'the forms of single values: commands, addresses, signals, paths' },
  {
    name: 'config/schema',
    what: 'every key with its form, default and description',
    doors: ['daemon-keys', 'keys', 'rows', 'schema', 'service-keys', 'service-rows', 'validate'],
  },
  { name: 'config/layers', what: 'config.toml, the environment and env.toml, merged' },
  { name: 'config/check', what: 'what is right in form and still cannot work' },
  {
    name: 'config/build',
    what: 'from valid values to the specs of services',
    doors: ['context', 'effective', 'fields', 'services'],
  },
  { name: 'config', what: 'from files to a configuration, or to every problem there is', doors: ['load'] },
  { name: 'os/own-log', what: 'opsd’s own log' },
  { name: 'os/systemd', what: 'what opsd and systemd tell each other' },
  { name: 'os/procfs', what: 'reads /proc so that neither a lack of descriptors nor a process ends it' },
  { name: 'os/proc', what: '/proc: who a process is, signals to it, descriptors, figures' },
  { name: 'os/trust', what: 'paths that somebody else may have prepared: found, opened, doubted, read for a user' },
  { name: 'os/files', what: 'the files that opsd keeps: state, PID files, lock, socket, folders' },
  { name: 'os/cgroup', what: 'one cgroup for each generation' },
  { name: 'os/fifo', what: 'the named pipes that services write to, and when to read them' },
  { name: 'os/hang', what: 'the watcher beside opsd, which frees its loop where a service holds it in the kernel' },
  { name: 'os/log-file', what: 'the log files of services: opening, writing late, reading the end' },
  {
    name: 'os/output',
    what: 'the way of a service’s output, from its FIFO to where it belongs',
    doors: ['service-outputs'],
  },
  {
    name: 'os/readiness',
    what: 'readiness that a service tells by itself',
    doors: ['ready-signals', 'linear-pattern'],
  },
  { name: 'os/chain', what: 'the exec chain: what runs before a service begins, with whose rights and environment' },
  { name: 'os/spawn', what: 'from a spec to a process: user, limits, environment, the ways to spawn' },
  { name: 'os/processes', what: 'process trees: started, seen, signalled, ended, adopted' },
  { name: 'os/config', what: 'reads the configuration’s files, and answers what the checks ask of the host' },
  { name: 'os/watch', what: 'heartbeats, probes and event hooks: how services are watched, and who is told' },
  { name: 'http', what: 'what all of HTTP shares' },
  { name: 'http/metrics', what: 'the page that Prometheus reads', doors: ['metrics'] },
  { name: 'http/page', what: 'the status page', doors: ['page'] },
  { name: 'http/streams', what: 'event streams and log streams', doors: ['event-streams', 'log-stream', 'older-logs'] },
  { name: 'http/routes', what: 'what each request is answered', doors: ['app'] },
  { name: 'http/server', what: 'the control socket and the TCP listener', doors: ['server'] },
  { name: 'daemon/configuration', what: 'the configuration in force, and how it is replaced' },
  { name: 'daemon/hooks', what: 'programs and webhooks that are told of events', doors: ['event-hooks'] },
  { name: 'daemon/report', what: 'what is told of each change: log, counters, history, views, answers' },
  { name: 'daemon/succession', what: 'what an earlier opsd left, and what is left to the next' },
  { name: 'daemon/watch', what: 'what opsd looks at again and again: itself, schedules, memory, CPU' },
  {
    name: 'daemon/control',
    what: 'what an operator asks and orders, answered from the state and carried out by the loop',
  },
  { name: 'daemon', what: 'the composition root', doors: ['daemon', 'signals'] },
  { name: 'cli/client', what: 'requests to opsd over its socket' },
  { name: 'cli/arguments', what: 'from the arguments to a command, and the help' },
  { name: 'cli/show', what: 'tables, colours, progress on a terminal' },
  { name: 'cli', what: 'what commands share, and the commands about the configuration' },
  { name: 'cli/top', what: '`opsd ctl top`', doors: ['command'] },
  { name: 'cli/ctl', what: 'one file a ctl command', doors: ['ctl'] },
  { name: 'main', what: 'from the command line to an exit code' },
];

/** No more files than that in a folder of the source: it would be two. */
export const MOST_FILES = 15;
