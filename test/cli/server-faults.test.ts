import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { whileWorked } from '../../cli/steer/ask.js';
import { lastPolls } from '../../cli/submit/submit.js';
import { packageRoot } from '../../lib/package-root.js';
import { connect, localServer } from '../../workers/connection.js';
import { SEARCH_ATTRIBUTE_TYPES } from '../../workers/namespace.js';
import { freePort } from '../../workers/ports.js';
import { requireTemporalBinary } from '../../workers/temporal-binary.js';
import { CPU_QUEUE } from '../../workflows/types.js';
import { gateway, type Gateway, type Refused } from '../workers/gateway.js';
import { bliss, place, start, until } from './bliss.js';

const { IndexedValueType } = proto.temporal.api.enums.v1;

/** A server as a user has it: real, without what we would have registered. */
let child: ChildProcess;
let address: string;
const gateways: Gateway[] = [];

beforeAll(async () => {
  const port = await freePort();
  address = `127.0.0.1:${port}`;
  child = spawn(requireTemporalBinary().file, ['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'error'], { stdio: 'ignore' });
  await until('the server', () => connect(localServer({ address, namespace: 'default' }), 1_000).then((connection) => connection.close().then(() => true as const), () => undefined));
}, 60_000);
afterAll(() => void child?.kill('SIGKILL'));
afterEach(() => gateways.splice(0).forEach((one) => one.close()));

const OPERATOR = '/temporal.api.operatorservice.v1.OperatorService/';
const WORKFLOW = '/temporal.api.workflowservice.v1.WorkflowService/';

async function behind(refuse: (path: string) => Refused | undefined): Promise<string> {
  const one = await gateway({ to: address, refuse });
  gateways.push(one);
  return one.address;
}
/** 7 PERMISSION_DENIED, 12 UNIMPLEMENTED, 16 UNAUTHENTICATED, 8 RESOURCE_EXHAUSTED */
const refusing = (prefix: string, status: number, message: string) => behind((called) => (called.startsWith(prefix) ? { status, message } : undefined));

const on = (server: string, namespace?: string): NodeJS.ProcessEnv => ({ TEMPORAL_ADDRESS: server, ...(namespace === undefined ? {} : { TEMPORAL_NAMESPACE: namespace }) });
interface Said {
  readonly code: number | null;
  readonly error: { readonly code: string; readonly message: string; readonly where?: string; readonly fix?: string };
  readonly all: string;
}
async function fails(command: readonly string[], env: NodeJS.ProcessEnv): Promise<Said> {
  const { code, stdout, stderr } = await bliss([...command, '--json', '--home', place().home], { env });
  expect(stderr).not.toContain('please report');
  return { code, error: (JSON.parse(stdout) as { error: Said['error'] }).error, all: stdout + stderr };
}
interface Checked {
  readonly name: string;
  readonly state: string;
  readonly found: string;
  readonly fix?: string;
}
async function doctor(env: NodeJS.ProcessEnv): Promise<{ readonly code: number | null; readonly of: (name: string) => Checked | undefined }> {
  const { code, stdout } = await bliss(['doctor', '--json', '--home', place().home], { env });
  const { checks } = JSON.parse(stdout) as { checks: Checked[] };
  return { code, of: (name) => checks.find((one) => one.name === name) };
}

describe('before anything is registered, where registering is refused', () => {
  test.each([
    { status: 7, message: 'Request unauthorized.', name: 'PERMISSION_DENIED' },
    { status: 12, message: 'unknown service', name: 'UNIMPLEMENTED' },
  ])('a run says which search attributes are missing, why we do not add them, and how they are: $name', async ({ status, message, name }) => {
    const server = await refusing(OPERATOR, status, message);
    const { code, error } = await fails(['run', 'smoke'], on(server));
    expect(code).toBe(2);
    expect(error.code).toBe('ConfigInvalid');
    for (const [attribute, type] of Object.entries(SEARCH_ATTRIBUTE_TYPES)) {
      expect(error.message).toContain(`${attribute} (${type})`);
      expect(error.fix).toContain(`--name ${attribute} --type ${type}`);
    }
    expect(error.message).toContain(`${name}: ${message}`);
    const { code: ofDoctor, of } = await doctor(on(server));
    expect(ofDoctor).toBe(1);
    expect(of('Attributes')).toMatchObject({ state: 'missing', found: expect.stringContaining('BlissRun'), fix: expect.stringContaining('search-attribute create') });
  });

  test('one that is there with another type counts as missing', async () => {
    const connection = await connect(localServer({ address, namespace: 'default' }));
    await connection.workflowService.registerNamespace({ namespace: 'odd', workflowExecutionRetentionPeriod: msToTs('1 day') });
    await until('the namespace', () => connection.operatorService.addSearchAttributes({ namespace: 'odd', searchAttributes: { BlissLoss: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD } }).then(() => true as const, () => undefined));
    await connection.close();
    const { of } = await doctor(on(await behind((called) => (called === `${OPERATOR}AddSearchAttributes` ? { status: 7, message: 'no' } : undefined)), 'odd'));
    expect(of('Attributes')?.found).toContain('BlissLoss (Double)');
  });

  test('doctor registers nothing: it says that the first run will', async () => {
    const { code, of } = await doctor(on(address));
    expect(code).toBe(0);
    expect(of('Attributes')).toMatchObject({ state: 'ok', found: expect.stringContaining('the first run registers the search attributes BlissRun') });
    expect(of('Workers')).toMatchObject({ state: 'warning', found: expect.stringContaining(CPU_QUEUE), fix: expect.stringContaining('bliss dev') });
    const { of: again } = await doctor(on(address));
    expect(again('Attributes')?.found).toContain('the first run registers');
  });
});

describe('a namespace that is not there', () => {
  test.each([{ command: ['run', 'smoke'] }, { command: ['run', 'smoke', '--detach'] }, { command: ['dev'] }])('is named with its fix: $command', async ({ command }) => {
    const { code, error } = await fails(command, on(address, 'nowhere'));
    expect(code).toBe(2);
    expect(error).toMatchObject({ code: 'ConfigInvalid', where: address, message: expect.stringContaining("no namespace 'nowhere'"), fix: expect.stringContaining('temporal operator namespace create --namespace nowhere') });
  });

  test('is what doctor finds missing', async () => {
    const { code, of } = await doctor(on(address, 'nowhere'));
    expect(code).toBe(1);
    expect(of('Temporal')?.state).toBe('ok');
    expect(of('Namespace')).toMatchObject({ state: 'missing', found: expect.stringContaining("no namespace 'nowhere'"), fix: expect.stringContaining('TEMPORAL_NAMESPACE') });
  });

  test('ends a worker with one plain line', async () => {
    const worker = spawn(process.execPath, [path.join(packageRoot(), 'dist', 'workers', 'worker.js'), '--role', 'gpu', '--home', place().home, '--address', address, '--namespace', 'nowhere'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    worker.stderr.on('data', (part: Buffer) => (said += part.toString('utf8')));
    expect(await new Promise((resolve) => worker.once('close', resolve))).toBe(1);
    expect(said).toMatch(/^worker: .*no namespace 'nowhere'; create it .*\n$/);
  });
});

describe('what a server refuses', () => {
  test.each([
    { status: 16, message: 'api key expired', code: 'ServerRefused', says: 'does not know this account (api key expired)', fix: 'TEMPORAL_API_KEY' },
    { status: 7, message: 'Request unauthorized.', code: 'ServerRefused', says: 'does not let this account do that (Request unauthorized.)', fix: 'the right to write to the namespace default' },
    { status: 8, message: 'namespace rate limit exceeded', code: 'ServerUnreachable', says: 'a limit is reached (namespace rate limit exceeded)', fix: 'try again' },
    { status: 12, message: 'unknown method', code: 'ServerRefused', says: 'does not know this request (unknown method)', fix: '1.25' },
    { status: 3, message: 'Namespace default has no mapping defined for search attribute BlissRun', code: 'ConfigInvalid', says: 'lacks a search attribute', fix: 'bliss doctor' },
    { status: 13, message: 'shard is not ready', code: 'ServerRefused', says: 'INTERNAL: shard is not ready', fix: 'server’s log' },
  ])('at a run’s start is told in its own words, with a fix: $status', async ({ status, message, code, says, fix }) => {
    const { error, all } = await fails(['run', 'smoke'], on(await refusing(`${WORKFLOW}StartWorkflowExecution`, status, message)));
    expect(error).toMatchObject({ code, message: expect.stringContaining(says), fix: expect.stringContaining(fix) });
    expect(all).not.toContain('Failed to start Workflow');
  }, 120_000);

  test('a namespace that workers may not see keeps them from starting, and is told; a command that needs no worker here goes on', async () => {
    const server = await refusing(`${WORKFLOW}DescribeNamespace`, 7, 'Request unauthorized.');
    expect((await fails(['dev'], on(server))).error).toMatchObject({ code: 'ServerRefused', where: server, message: expect.stringContaining('does not let this account do that (Request unauthorized.)') });
    const { code } = await bliss(['run', 'smoke', '--name', 'unseen', '--detach', '--home', place().home], { env: on(server) });
    expect(code).toBe(0);
  });

  test('an account that is not known is told by every command, and nobody waits for what waiting does not fix', async () => {
    const server = await refusing('/', 16, 'api key expired');
    for (const command of [['run', 'smoke'], ['dev']]) expect((await fails(command, on(server))).error, command[0]).toMatchObject({ code: 'ServerRefused', where: server, message: expect.stringContaining('api key expired') });
    expect((await doctor(on(server))).of('Temporal')).toMatchObject({ state: 'missing', found: expect.stringContaining('api key expired') });
  });
});

describe('without a worker', () => {
  const { home } = place();
  beforeAll(async () => {
    mkdirSync(home);
    const run = start(['run', 'smoke', '--name', 'idle', '--detach', '--home', home], { env: on(address) });
    expect((await run.ended).code).toBe(0);
  });

  test.each([{ command: ['pause'] }, { command: ['budget', '--gpu-hours', '3'] }, { command: ['stop-after', '--round', '1'] }, { command: ['cancel'] }])('$command says what it waits for when its patience ends', async ({ command: [name = '', ...rest] }) => {
    const began = Date.now();
    const { code, stdout, stderr } = await bliss([name, 'idle', ...rest, '--patience', '2', '--json', '--home', home], { env: on(address) });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'ServerUnreachable', where: address, message: expect.stringContaining(`no worker takes work from the queue ${CPU_QUEUE}`), fix: expect.stringContaining('bliss dev --home') } });
    expect(stderr).not.toContain('please report');
    expect(Date.now() - began).toBeLessThan(20_000);
  });

  test('status shows what the home knows, and says why the server does not say more', async () => {
    const { code, stdout, stderr } = await bliss(['status', 'idle', '--json', '--home', home], { env: on(address, 'nowhere') });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ run: 'idle', state: 'unknown' });
    expect(stderr).toContain("no namespace 'nowhere'");
  });

  test('what a worker has taken on is given up when it is gone for good, and has its time while it is there', async () => {
    const server = localServer({ address, namespace: 'default' });
    const connection = await connect(server);
    const worker = spawn(process.execPath, [path.join(packageRoot(), 'dist', 'workers', 'worker.js'), '--role', 'cpu', '--home', place().home, '--address', address], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      await new Promise((resolve) => worker.stdout.once('data', resolve)); // it says that it is ready
      const session = { server, connection, client: new Client({ connection }), uiAddress: undefined, stack: undefined };
      const waiting = { session, run: 'idle', homeOption: '', patienceSeconds: 1, idleMs: 3_000 };
      await until('its first question', async () => ((await lastPolls(session, CPU_QUEUE)).length > 0 ? true : undefined));
      expect(await whileWorked({ ...waiting, until: sleep(1_500, 'done') })).toBe('done');
      worker.kill('SIGKILL');
      await expect(whileWorked({ ...waiting, until: new Promise<never>(() => undefined) })).rejects.toMatchObject({ code: 'ServerUnreachable', message: expect.stringContaining(`no worker takes work from the queue ${CPU_QUEUE}`) });
    } finally {
      worker.kill('SIGKILL');
      await connection.close();
    }
  });
});
