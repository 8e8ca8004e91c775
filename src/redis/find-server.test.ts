// The order in which a server is looked for. Fetching is shown with stand-ins for apt-get and dpkg-deb.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { type FindOptions, defaultCacheFolder, findServer } from './find-server.ts';
import { environmentFor } from './server-files.ts';

const scratch = mkdtempSync(join(tmpdir(), 'baton-test-'));
const bin = join(scratch, 'bin');
const cache = join(scratch, 'cache');
after(() => rmSync(scratch, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(bin, { recursive: true, force: true });
  rmSync(cache, { recursive: true, force: true });
  mkdirSync(bin);
});

function program(path: string, text = '#!/bin/sh\n'): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

const find = (environment: Record<string, string> = {}, more: FindOptions = {}) =>
  findServer({ environment: { PATH: bin, ...environment }, cacheFolder: cache, mayFetch: false, ...more });

describe('findServer', () => {
  it('prefers REDIS_SERVER to everything else', async () => {
    program(join(bin, 'redis-server'));
    const named = program(join(scratch, 'elsewhere/valkey-server'));
    const found = await find({ REDIS_SERVER: named });
    assert.ok(found.ok);
    assert.equal(found.value.server, named);
    assert.equal(found.value.flavor, 'valkey');
    assert.equal(found.value.origin, 'REDIS_SERVER');
  });

  it('does not fall back when REDIS_SERVER names something that cannot be run', async () => {
    program(join(bin, 'redis-server'));
    const found = await find({ REDIS_SERVER: '/nowhere/redis-server' });
    assert.ok(!found.ok);
    assert.match(found.problem.sentence, /REDIS_SERVER names \/nowhere\/redis-server/);
  });

  it('takes redis-server on PATH before valkey-server, with its cli', async () => {
    program(join(bin, 'valkey-server'));
    const valkey = await find();
    assert.ok(valkey.ok && valkey.value.flavor === 'valkey' && valkey.value.cli === null);
    program(join(bin, 'redis-server'));
    const cli = program(join(bin, 'redis-cli'));
    const redis = await find();
    assert.ok(redis.ok && redis.value.flavor === 'redis' && redis.value.cli === cli);
  });

  it('takes the private copy next, and brings its libraries to the program', async () => {
    program(join(cache, 'redis/usr/bin/redis-server'));
    program(join(cache, 'redis/usr/lib/x86_64-linux-gnu/libjemalloc.so.2'));
    const found = await find();
    assert.ok(found.ok);
    assert.equal(found.value.origin, 'private copy');
    const libraries = join(cache, 'redis/usr/lib/x86_64-linux-gnu');
    assert.equal(environmentFor(found.value, {})['LD_LIBRARY_PATH'], libraries);
    assert.equal(
      environmentFor(found.value, { LD_LIBRARY_PATH: '/x' })['LD_LIBRARY_PATH'],
      `${libraries}:/x`,
    );
  });

  it('says in one line what to install when there is nothing', async () => {
    const found = await find();
    assert.ok(!found.ok);
    assert.match(found.problem.sentence, /sudo apt-get install redis-server/);
    assert.doesNotMatch(found.problem.sentence, /\n/);
  });

  it('keeps private copies in the checkout it runs from', () => {
    assert.equal(defaultCacheFolder({}), join(process.cwd(), '.cache/servers'));
  });
});

describe('fetching', () => {
  /** apt-get that knows one package and wants it downloaded; dpkg-deb that unpacks a server. */
  function packageTools(apt: string): void {
    program(join(bin, 'apt-get'), `#!/bin/bash\n${apt}\n`);
    program(
      join(bin, 'dpkg-deb'),
      '#!/bin/bash\nPATH=/usr/bin:/bin\nmkdir -p "$3/usr/bin"\nprintf "#!/bin/sh\\n" > "$3/usr/bin/redis-server"\nchmod +x "$3/usr/bin/redis-server"\n',
    );
  }

  it('downloads what this machine lacks and unpacks it into the cache', async () => {
    packageTools(`
      case "$*" in
        *" -s install "*) echo 'Inst libx (1.0 Debian [amd64])'; echo 'Inst redis-server [6.0] (7.0 Debian [amd64])';;
        *download*) echo > libx.deb; echo > redis-server.deb; echo "$*" > ${join(scratch, 'asked')};;
      esac`);
    const steps: string[] = [];
    const found = await find({}, { mayFetch: true, onProgress: (step) => steps.push(step) });
    assert.ok(found.ok, found.ok ? '' : found.problem.sentence);
    assert.equal(found.value.origin, 'fetched');
    assert.ok(existsSync(join(cache, 'redis/usr/bin/redis-server')));
    assert.deepEqual(readdirSync(cache), ['redis']);
    assert.deepEqual(steps, ['fetching libx, redis-server']);
    const again = await find();
    assert.ok(again.ok && again.value.origin === 'private copy');
  });

  it('that fails names its reason and leaves nothing half-done', async () => {
    packageTools('echo "E: Temporary failure resolving deb.debian.org" >&2; exit 100');
    const found = await find({}, { mayFetch: true, flavors: ['redis'] });
    assert.ok(!found.ok);
    assert.match(found.problem.sentence, /redis: E: Temporary failure/);
    assert.deepEqual(readdirSync(cache), []);
  });
});
