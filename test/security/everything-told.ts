// All that an opsd says of itself and of its services, by every way there is, to look for what it must not say.

import {
  type CommandOutput,
  type ConfigCommandOptions,
  runCheck,
  runConfig,
  type World,
} from '../../src/cli/config-commands.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import type { Opsd } from '../support/opsd.ts';
import { ask } from '../support/requests.ts';

/** Of the control socket; with `services/NAME` for each service. */
const PATHS = [
  ...['/', '/metrics', '/.well-known/live', '/.well-known/ready', '/api/v1/services', '/api/v1/graph'],
  ...['/api/v1/events/recent', '/api/v1/rollouts'],
];
const OF_SERVICE = ['', '/why', '/events'];
const STREAMS = ['/api/v1/events?since=0', '/api/v1/events?of=services'];

/** By where it was said. `told`: files below the folder of opsd that receivers of events have written. */
export async function everythingTold(
  opsd: Opsd,
  services: readonly string[],
  told: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Map<string, string>> {
  const found = new Map(Object.entries(toldOfConfig(opsd, env)));
  for (const args of [['status'], ['why', services[0] ?? '']]) {
    const { stdout, stderr } = await opsd.ctl(...args);
    found.set(`ctl ${args.join(' ')}`, stdout + stderr);
  }
  found.set('reload --dry-run', (await opsd.api('POST', '/api/v1/reload', { dry_run: true })).body);
  const paths = [...PATHS, ...services.flatMap((name) => OF_SERVICE.map((end) => `/api/v1/services/${name}${end}`))];
  for (const path of paths) {
    found.set(`socket ${path}`, (await opsd.api('GET', path)).body);
    if (opsd.port !== 0) found.set(`TCP ${path}`, (await ask({ port: opsd.port }, 'GET', path)).body);
  }
  for (const path of STREAMS) found.set(`stream ${path}`, await beginning(opsd, path));
  for (const path of ['p/run/opsd.state.json', 'p/run/opsd.state.json.bak', ...told]) {
    found.set(path, await opsd.read(path));
  }
  found.set('log', await opsd.log());
  return found;
}

/** `opsd check` and `opsd config` in all their forms; here, as each would take a second as a process of its own. */
export function toldOfConfig(
  { dir, prefix }: Pick<Opsd, 'dir' | 'prefix'>,
  env: Readonly<Record<string, string>> = {},
) {
  const world = {
    env: { PATH: process.env.PATH, OPSD__DAEMON__HTTP: '', PREFIX: prefix, ...env },
    workDir: dir,
    program: import.meta.filename,
    clock: systemClock,
  };
  const run = (command: (output: CommandOutput, world: World) => unknown): string => {
    let text = '';
    const take = (more: string) => {
      text += more;
    };
    command({ stdout: take, stderr: take }, world);
    return text;
  };
  const config = (options: ConfigCommandOptions) => run((...rest) => runConfig(options, ...rest));
  return {
    check: run((...rest) => runCheck({}, ...rest)),
    config: config({}),
    'config --explain': config({ explain: true }),
    'config --json': config({ json: true }),
    'config --json --explain': config({ json: true, explain: true }),
  };
}

/** The first words of a stream that does not end. */
async function beginning(opsd: Opsd, path: string): Promise<string> {
  const enough = AbortSignal.timeout(400);
  const { request } = process.getBuiltinModule('node:http');
  return await new Promise((resolve, reject) => {
    let text = '';
    const asked = request({ socketPath: `${opsd.run}/opsd.sock`, path, agent: false, signal: enough }, (response) => {
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', () => resolve(text));
      response.on('end', () => resolve(text));
    });
    asked.on('error', (error) => (enough.aborted ? resolve(text) : reject(error)));
    asked.end();
  });
}

/** Where one of `secrets` was said, plainly or in a form in which it can be read back: `status: hunter2 (base64)`. */
export function leaksIn(said: ReadonlyMap<string, string>, secrets: readonly string[]): readonly string[] {
  return [...said].flatMap(([where, text]) =>
    secrets.flatMap((secret) =>
      Object.entries(formsOf(secret))
        .filter(([, forms]) => forms.some((form) => text.includes(form)))
        .slice(0, 1)
        .map(([form]) => `${where}: ${secret} (${form})`),
    ),
  );
}

/** Of base64 what does not depend on the text around it, for each of the three places at which it can begin. */
export function formsOf(secret: string): Readonly<Record<string, readonly string[]>> {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((skipped) => {
    const whole = Buffer.concat([Buffer.alloc(skipped), bytes]);
    const first = skipped === 0 ? 0 : skipped + 1;
    return whole.toString('base64').slice(first, Math.floor((whole.length * 8) / 6));
  });
  const percent = encodeURIComponent(secret);
  return {
    plain: [secret],
    JSON: [JSON.stringify(secret).slice(1, -1)],
    'JSON in JSON': [JSON.stringify(JSON.stringify(secret).slice(1, -1)).slice(1, -1)],
    percent: [percent, percent.toLowerCase()],
    base64,
    base64url: base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  };
}
