// A Node without node:ffi: opsd copies output by read and write, spawns through execa, and keeps its promises.

import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { isAlive } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

test('services are started, captured, restarted, adopted and stopped without node:ffi', async () => {
  await using opsd = await startOpsd({
    config: `[defaults]
backoff = { initial = "1ms", max = "2ms" }
[services.web]
command = ["sh", "-c", "echo born; exec sleep 1000"]
[services.wrong]
command = ["sh", "-c", "exit 217"]
`,
    env: { NODE_OPTIONS: '--no-experimental-ffi' },
  });
  const first = await opsd.until('web', 'running');
  const wrong = await opsd.until('wrong', ({ exit }) => exit !== null);
  assert.equal(wrong.exit?.code, 217);
  process.kill(first.pid ?? 0, 'SIGKILL');
  const second = await opsd.until('web', ({ state, pid }) => state === 'running' && pid !== first.pid);
  assert.equal(second.exit?.signal, 'SIGKILL');
  await waitFor('the output of both', async () => (await opsd.output('web')) === 'born\nborn\n');
  await opsd.crash();
  await opsd.restart();
  const adopted = await opsd.until('web', 'running');
  assert.deepEqual({ pid: adopted.pid, adopted: adopted.adopted }, { pid: second.pid, adopted: true });
  await opsd.stop();
  assert.equal(isAlive(second.pid ?? 0), false);
});
