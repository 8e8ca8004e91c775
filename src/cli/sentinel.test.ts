// Real processes of `baton sentinel`, with a small machine in place of the quorum's. The child is this very file.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { AssertionError } from '../base/assert.ts';
import { success } from '../base/result.ts';
import { FakeMachine } from '../daemon/testing.ts';
import { OK, simple } from '../resp/reply.ts';
import type { Effect, Event } from '../sentinel/io.ts';
import { askDaemon, findSocket } from './control-client.ts';
import { runSentinel, type MachineOptions } from './sentinel.ts';

const CHILD = 'BATON_TEST_CHILD';
/** With this `announce-ip` the small machine does not leave. */
const STUBBORN = '192.0.2.9';

/** Saves a new id at the start, answers, runs a script when told to, leaves when asked to. */
function smallMachine(options: MachineOptions): FakeMachine {
  const react = (event: Event): readonly Effect[] => {
    switch (event.kind) {
      case 'start':
        return [
          { kind: 'persist' },
          { kind: 'log', level: 'notice', text: `fast-crash ${options.fastCrash}` },
        ];
      case 'persisted':
        return [{ kind: 'event', level: 'warning', name: '+saved', text: event.problem ?? 'yes' }];
      case 'terminate':
        if (options.conf.announceIp === STUBBORN) return [{ kind: 'log', level: 'warning', text: 'no' }];
        return [
          { kind: 'log', level: 'warning', text: 'bye' },
          { kind: 'exit', code: 0 },
        ];
      case 'command':
        if (event.args[0] === 'BUG') throw new AssertionError('this is a test');
        if (event.args[0] === 'RUN') {
          return [
            { kind: 'run-script', run: 1, path: event.args[1] ?? '', args: event.args.slice(2) },
            { kind: 'answer', client: event.client, reply: OK, protocol: 2 },
          ];
        }
        if (event.args[0] === 'SHUTDOWN') {
          return [
            { kind: 'answer', client: event.client, reply: simple('BYE'), protocol: 2 },
            { kind: 'exit', code: 5 },
          ];
        }
        return [{ kind: 'answer', client: event.client, reply: simple('PONG'), protocol: 2 }];
      default:
        return [];
    }
  };
  const machine = new FakeMachine(react);
  machine.conf = { ...options.conf, myId: options.conf.myId ?? options.runId };
  return machine;
}

if (process.env[CHILD] === '1') {
  await runSentinel(process.argv.slice(2), (options) => success(() => smallMachine(options)));
} else {
  describeProcesses();
}

interface Run {
  readonly child: ChildProcess;
  readonly output: { out: string; err: string };
  /** Settles with the exit code (or the signal) once its output is closed. */
  readonly ended: Promise<number | string>;
}

function describeProcesses(): void {
  let folder = '';
  const running = new Set<ChildProcess>();
  before(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'baton-cli-'));
    fs.mkdirSync(join(folder, 'run'));
  });
  after(() => {
    for (const child of running) child.kill('SIGKILL');
    fs.rmSync(folder, { recursive: true, force: true });
  });

  function start(args: readonly string[], input = '', environment: NodeJS.ProcessEnv = {}): Run {
    const child = spawn(process.execPath, ['--enable-source-maps', fileURLToPath(import.meta.url), ...args], {
      cwd: folder,
      env: {
        ...process.env,
        NODE_TEST_CONTEXT: '',
        [CHILD]: '1',
        RUNTIME_DIRECTORY: join(folder, 'run'),
        ...environment,
      },
    });
    running.add(child);
    const output = { out: '', err: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.out += chunk.toString('latin1')));
    child.stderr.on('data', (chunk: Buffer) => (output.err += chunk.toString('latin1')));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const ended = once(child, 'close').then(([code, signal]: (number | string | null)[]) => {
      running.delete(child);
      return code ?? signal ?? '';
    });
    return { child, output, ended };
  }

  async function until(condition: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<void> {
    const end = performance.now() + limitMs;
    while (!(await condition())) {
      assert.ok(performance.now() < end, `not within ${limitMs} ms: ${condition.toString()}`);
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    }
  }

  async function freePort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    return port;
  }

  /** Sends one inline command; settles with what came until the answer's first line, or the end. */
  function say(port: number, command: string): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        if (text.includes('\r\n')) socket.destroy();
      });
      socket.on('error', () => undefined);
      socket.once('close', () => resolve(text));
      socket.write(`${command}\r\n`);
    });
  }

  const isServing = async (port: number): Promise<boolean> => (await say(port, 'PING')) === '+PONG\r\n';

  function confFile(name: string, text: string): string {
    const path = join(folder, name);
    fs.writeFileSync(path, text);
    return path;
  }

  describe('baton sentinel (sentinel.md §2.1, §11)', () => {
    it('serves in the process that was started, saves its id, and leaves with 0 on SIGTERM, nothing on stderr', async () => {
      const port = await freePort();
      const path = confFile(
        'plain.conf',
        `# mine\nport ${port}\nbind 127.0.0.1\npidfile ${folder}/plain.pid\n`,
      );
      const { child, output, ended } = start(['plain.conf', '--fast-crash', 'yes']);
      await until(() => isServing(port));
      await until(() => output.out.includes('+saved yes'));
      assert.match(
        output.out,
        new RegExp(`^${child.pid}:X \\d\\d \\w{3} \\d{4} [\\d:.]{12} \\* fast-crash true\\n`),
      );
      const saved = fs.readFileSync(path, 'utf8');
      assert.ok(saved.startsWith(`# mine\nport ${port}\nbind 127.0.0.1\n`), saved);
      assert.match(saved, /^sentinel myid [0-9a-f]{40}$/m);
      await until(() => fs.existsSync(`${folder}/plain.pid`));
      assert.equal(fs.readFileSync(`${folder}/plain.pid`, 'utf8'), `${child.pid}\n`);
      child.kill('SIGHUP');
      child.kill('SIGUSR1');
      child.kill('SIGPIPE');
      await until(() => isServing(port));
      const asked = performance.now();
      child.kill('SIGTERM');
      assert.equal(await ended, 0);
      assert.ok(performance.now() - asked < 800);
      assert.equal(output.err, '');
      assert.match(output.out, /# bye\n$/);
      assert.equal(fs.existsSync(`${folder}/plain.pid`), false);
      assert.deepEqual(fs.readdirSync(join(folder, 'run')), []);
    });

    it('tells all problems of the file on stderr, with their lines, and exits 1', async () => {
      const path = confFile('bad.conf', 'port abc\n\nno-such-directive 1\n');
      const { output, ended } = start([path]);
      assert.equal(await ended, 1);
      assert.match(output.err, /bad\.conf:1: .*\n[^]*bad\.conf:3: /);
      assert.equal(output.out, '');
      assert.equal(fs.readFileSync(path, 'utf8'), 'port abc\n\nno-such-directive 1\n');
    });

    it('logs a missing file, or none, and exits 1', async () => {
      const missing = start(['missing.conf']);
      assert.equal(await missing.ended, 1);
      assert.match(missing.output.out, /missing\.conf/);
      const none = start(['--port', '1']);
      assert.equal(await none.ended, 1);
      assert.match(none.output.out, /configuration file/);
    });

    it('leaves everything alone and stderr empty when its port is taken', async () => {
      const port = await freePort();
      const path = confFile('taken.conf', `port ${port}\nbind 127.0.0.1\n`);
      const first = start([path]);
      await until(() => first.output.out.includes('+saved'));
      const saved = fs.readFileSync(path, 'utf8');
      const other = confFile('taken2.conf', `port ${port}\nbind 127.0.0.1\n`);
      const second = start([other]);
      assert.equal(await second.ended, 1);
      assert.equal(second.output.err, '');
      assert.match(second.output.out, /EADDRINUSE/);
      assert.equal(fs.readFileSync(other, 'utf8'), `port ${port}\nbind 127.0.0.1\n`);
      assert.equal(fs.readFileSync(path, 'utf8'), saved);
      first.child.kill('SIGINT');
      assert.equal(await first.ended, 0);
    });

    it('takes directives from the command line and from standard input, and works in dir', async () => {
      const port = await freePort();
      const work = join(folder, 'work');
      fs.mkdirSync(work);
      const path = confFile('more.conf', 'bind 127.0.0.1\n');
      const { child, ended } = start(
        [path, '--sentinel', '--dir', work, '--logfile', 'my.log', '-'],
        `port ${port}\n`,
      );
      await until(() => isServing(port));
      const script = join(work, 'where.sh');
      fs.writeFileSync(script, '#!/bin/sh\npwd > where.out; echo $PPID >> where.out\n', { mode: 0o755 });
      assert.equal(await say(port, 'RUN ./where.sh'), '+OK\r\n');
      await until(
        () => fs.existsSync(`${work}/where.out`) && fs.readFileSync(`${work}/where.out`).length > 5,
      );
      await until(() => fs.readFileSync(`${work}/where.out`, 'utf8') === `${work}\n${child.pid}\n`);
      assert.match(fs.readFileSync(`${work}/my.log`, 'utf8'), /fast-crash false/);
      child.kill('SIGTERM');
      assert.equal(await ended, 0);
    });

    it('goes to the background with daemonize, and only after it listens', async () => {
      const port = await freePort();
      const path = confFile(
        'background.conf',
        `port ${port}\nbind 127.0.0.1\ndaemonize yes\npidfile ${folder}/background.pid\nlogfile ${folder}/background.log\n`,
      );
      const { child, output, ended } = start([path]);
      assert.equal(await ended, 0);
      assert.ok(await isServing(port));
      const pid = Number(fs.readFileSync(`${folder}/background.pid`, 'utf8'));
      assert.notEqual(pid, child.pid);
      assert.equal(output.err + output.out, '');
      const again = start([path]);
      assert.equal(await again.ended, 1);
      const script = join(folder, 'env.sh');
      fs.writeFileSync(
        script,
        `#!/bin/sh\nenv > ${folder}/env.tmp; mv ${folder}/env.tmp ${folder}/env.out\n`,
        {
          mode: 0o755,
        },
      );
      await say(port, `RUN ${script}`);
      await until(() => fs.existsSync(`${folder}/env.out`));
      assert.doesNotMatch(fs.readFileSync(`${folder}/env.out`, 'utf8'), /BATON_IN_BACKGROUND|NODE_CHANNEL/);
      process.kill(pid, 'SIGTERM');
      await until(() => !fs.existsSync(`${folder}/background.pid`));
    });

    it('writes the last answer before it leaves with the code it was given', async () => {
      const port = await freePort();
      const { ended } = start([confFile('leave.conf', `port ${port}\nbind 127.0.0.1\n`)]);
      await until(() => isServing(port));
      assert.equal(await say(port, 'SHUTDOWN'), '+BYE\r\n');
      assert.equal(await ended, 5);
    });

    it('exits 1 at once on a second SIGINT', async () => {
      const port = await freePort();
      const path = confFile(
        'stubborn.conf',
        `port ${port}\nbind 127.0.0.1\nsentinel announce-ip ${STUBBORN}\npidfile ${folder}/stubborn.pid\n`,
      );
      const { child, ended, output } = start([path]);
      await until(() => isServing(port));
      child.kill('SIGINT');
      await until(() => output.out.includes('# no'));
      assert.ok(await isServing(port));
      child.kill('SIGTERM');
      child.kill('SIGINT');
      assert.equal(await ended, 1);
      assert.equal(fs.existsSync(`${folder}/stubborn.pid`), false);
    });

    it('logs a bug of its own and exits 70', async () => {
      const port = await freePort();
      const { ended, output } = start([confFile('bug.conf', `port ${port}\nbind 127.0.0.1\n`)]);
      await until(() => isServing(port));
      await say(port, 'BUG');
      assert.equal(await ended, 70);
      assert.match(output.out, /A rule of the program itself was broken.*this is a test/);
      assert.equal(output.err, '');
    });

    it('answers on its control socket; a second daemon of that name gets one of its own, and a dead one gives way', async () => {
      const run = join(folder, 'run-status');
      const environment = { RUNTIME_DIRECTORY: run };
      const [port, otherPort] = [await freePort(), await freePort()];
      fs.mkdirSync(join(folder, 'other'));
      const text = (port: number): string => `port ${port}\nbind 127.0.0.1\n`;
      const first = start([confFile('same.conf', text(port))], '', environment);
      await until(() => fs.existsSync(join(run, 'sentinel-same.sock')));
      assert.equal(fs.statSync(join(run, 'sentinel-same.sock')).mode & 0o777, 0o600);
      const second = start([confFile('other/same.conf', text(otherPort))], '', environment);
      const distinct = join(run, `sentinel-same-${otherPort}.sock`);
      await until(() => fs.existsSync(distinct));
      const found = await findSocket('sentinel', null, run);
      assert.ok(!found.ok);
      assert.equal(found.problem.exitCode, 2);
      assert.match(found.problem.sentence, /sentinel-same-\d+\.sock\n.*sentinel-same\.sock/);
      const answer = await askDaemon(distinct, '/status');
      assert.ok(answer.ok);
      const status = answer.value as { pid: number; snapshot: { currentEpoch: string } };
      assert.equal(status.pid, second.child.pid);
      assert.equal(status.snapshot.currentEpoch, '7');
      const missing = await askDaemon(distinct, '/nothing');
      assert.ok(!missing.ok);
      // Killed: its socket stays, refuses, and is taken over.
      first.child.kill('SIGKILL');
      await first.ended;
      assert.ok(fs.existsSync(join(run, 'sentinel-same.sock')));
      assert.deepEqual(await findSocket('sentinel', null, run), { ok: true, value: distinct });
      const third = start([join(folder, 'same.conf')], '', environment);
      await until(async () => {
        const reply = await askDaemon(join(run, 'sentinel-same.sock'), '/status');
        return reply.ok && (reply.value as { pid: number }).pid === third.child.pid;
      });
      for (const { child, ended } of [second, third]) {
        child.kill('SIGTERM');
        assert.equal(await ended, 0);
      }
      const none = await findSocket('sentinel', null, run);
      assert.ok(!none.ok);
      assert.equal(none.problem.exitCode, 3);
    });

    it('starts without a control socket when there is no place for it, and says so', async () => {
      const port = await freePort();
      const notAFolder = confFile('file', '');
      const { child, output, ended } = start(
        [confFile('lonely.conf', `port ${port}\nbind 127.0.0.1\n`)],
        '',
        {
          RUNTIME_DIRECTORY: notAFolder,
        },
      );
      await until(() => output.out.includes('No control socket'));
      assert.ok(await isServing(port));
      child.kill('SIGTERM');
      assert.equal(await ended, 0);
    });
  });
}
