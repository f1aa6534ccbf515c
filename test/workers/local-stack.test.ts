import net from 'node:net';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client, type Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { openHome } from '../../lib/home.js';
import { connect, localServer } from '../../workers/connection.js';
import { freePort } from '../../workers/ports.js';
import type { StackInfo } from '../../workers/home-lock.js';
import { CPU_QUEUE, GPU_QUEUE } from '../../workflows/types.js';
import { bliss, commandLine, place, processesWith, readIfThere, start, until, type Started } from '../cli/bliss.js';

const { TaskQueueType } = proto.temporal.api.enums.v1;

/** `bliss dev` as a user has it: real server, real workers. */
describe('the local stack', () => {
  const { home } = place();
  let ports: string[];
  let stack: Started;
  let info: StackInfo;
  let connection: Connection;

  const up = async (): Promise<void> => {
    stack = start(['dev', '--home', home, ...ports]);
    const file = openHome(home).stackFile;
    info = await until('stack.json of this stack', () => {
      if (stack.child.exitCode !== null) throw new Error(stack.text());
      const read = readIfThere(file);
      const said = read === undefined ? undefined : (JSON.parse(read) as StackInfo);
      return said?.pid === stack.child.pid ? said : undefined;
    }, 60_000);
  };
  const ofHome = (): number[] => processesWith(home).filter((pid) => pid !== stack.child.pid);
  const one = (text: string): number | undefined => ofHome().find((pid) => commandLine(pid).includes(text) && !commandLine(pid).includes('setpriv'));

  beforeAll(async () => {
    ports = ['--port', String(await freePort()), '--ui-port', String(await freePort())];
    await up();
    connection = await connect(localServer({ address: info.address ?? '', namespace: info.namespace }));
  }, 90_000);
  afterAll(async () => {
    await connection?.close();
    stack?.child.kill('SIGKILL');
  });

  test('says its addresses; search attributes are registered, closed workflows kept for a year', async () => {
    expect(info).toMatchObject({ address: `127.0.0.1:${ports[1]}`, uiAddress: `http://127.0.0.1:${ports[3]}`, namespace: 'default', temporary: false });
    expect(stack.text()).toContain(`http://127.0.0.1:${ports[3]}`);
    const { config } = await connection.workflowService.describeNamespace({ namespace: 'default' });
    expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(365 * 24 * 3600);
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
    expect(Object.keys(customAttributes ?? {})).toEqual(expect.arrayContaining(['BlissRun', 'BlissStage', 'BlissArm', 'BlissRound', 'BlissLoss']));
    expect((await fetch(info.uiAddress ?? '')).status).toBe(200);
  });

  test('the server has the home’s lock beside the stack, so that one which outlives it keeps the home; workers have it not', () => {
    const { lockFile } = openHome(home);
    const having = [stack.child.pid ?? 0, ...ofHome()].filter((pid) => readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === lockFile));
    expect(having.sort((a, b) => a - b)).toEqual([stack.child.pid ?? 0, one('start-dev') ?? 0].sort((a, b) => a - b));
  });

  test('a second stack on the home is refused, naming the first', async () => {
    const other = ['--port', String(await freePort()), '--ui-port', String(await freePort())];
    const ended = await bliss(['dev', '--home', home, ...other]);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`process ${stack.child.pid} at ${info.address}`);
  });

  test('a busy port is named, and nothing is left behind', async () => {
    const busy = net.createServer();
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const address = busy.address();
    const port = typeof address === 'object' && address !== null ? String(address.port) : '';
    const { home: another } = place();
    const ended = await bliss(['dev', '--home', another, '--port', port, '--json']);
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: 'PortInUse', where: `127.0.0.1:${port}` } });
    expect(existsSync(another)).toBe(false);
    busy.close();
  });

  test('server and workers are started again when they are killed; what the server knew is not lost', async () => {
    const client = new Client({ connection });
    await client.workflow.start('pipeline', { workflowId: 'waits', taskQueue: 'nobody-works-here' });
    for (const part of ['start-dev', '--role cpu', '--role gpu']) {
      const before = await until(part, () => one(part));
      process.kill(before, 'SIGKILL');
      await until(`${part} again`, () => (one(part) !== undefined && one(part) !== before ? true : undefined));
    }
    const status = await until('the server', async () => (await client.workflow.getHandle('waits').describe().catch(() => undefined))?.status.name);
    expect(status).toBe('RUNNING');
    // the new workers poll the new server
    for (const [queue, type] of [[CPU_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW], [GPU_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY]] as const) {
      await until(`a poller of ${queue}`, async () => {
        const { pollers } = await connection.workflowService.describeTaskQueue({ namespace: 'default', taskQueue: { name: queue }, taskQueueType: type });
        const recent = (pollers ?? []).filter(({ identity }) => ofHome().some((pid) => identity?.startsWith(`${pid}@`) === true));
        return recent.length > 0 ? true : undefined;
      });
    }
    expect(stack.text()).toContain('the CPU worker ended (SIGKILL); starting it again');
  }, 60_000);

  test('a stack that is killed leaves no process and no lock', async () => {
    expect(ofHome().length).toBeGreaterThanOrEqual(3);
    stack.child.kill('SIGKILL');
    await until('the end of all', () => (ofHome().length === 0 ? true : undefined), 10_000);
    await up();
    const client = new Client({ connection });
    expect((await until('the server', () => client.workflow.getHandle('waits').describe().catch(() => undefined))).status.name).toBe('RUNNING');
  }, 60_000);

  test('Ctrl-C ends workers, then server, then itself with code 0', async () => {
    stack.child.kill('SIGINT');
    expect((await stack.ended).code).toBe(0);
    expect(ofHome()).toEqual([]);
    expect(existsSync(openHome(home).stackFile)).toBe(false);
    const ends = ['cpu-worker', 'gpu-worker-0', 'server'].map((name) => /^(\S+) \[stack\] .* ended \(code 0\)$/m.exec(lastLine(path.join(openHome(home).logs, `${name}.log`)))?.[1] ?? 'not in order');
    expect(ends).not.toContain('not in order');
    expect([ends[0], ends[1]].every((worker) => (worker ?? '') < (ends[2] ?? ''))).toBe(true);
  }, 60_000);
});

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return ''; // closed meanwhile
  }
}

const lastLine = (file: string): string => readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? '';
