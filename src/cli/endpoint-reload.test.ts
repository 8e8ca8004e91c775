// A reload of the endpoint's daemon: from which file, in which order, and what is told of it.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { success } from '../base/result.ts';
import { EndpointReloader } from './endpoint-reload.ts';

const cfgOf = (name: string): string =>
  `defaults\n mode tcp\n timeout connect 1s\n timeout client 1h\n timeout server 1h\nlisten ${name}\n bind 127.0.0.1:6400\n server a 127.0.0.1:6379 check on-marked-down shutdown-sessions\n`;

it('reads one file after the other, keeps the last that was good, and tells the service manager', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-reload-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const story: string[] = [];
  const awake: unknown[] = [];
  let missing: readonly string[] = [];
  const reloader = new EndpointReloader({
    options: { file: file('one.cfg', cfgOf('one')) },
    daemon: {
      reload: async ({ frontends }, reloading) => {
        awake.push(reloading?.staysAwake);
        story.push(`open ${frontends[0]?.name}`);
        await new Promise((done) => setTimeout(done, 5));
        story.push('opened');
        return success(missing);
      },
    },
    doors: {
      configure: () => {
        story.push('doors');
        return Promise.resolve([]);
      },
    },
    log: { write: (_level, text) => void (/configuration/.test(text) && story.push(text)) },
    manager: { reloading: () => void story.push('reloading'), ready: () => void story.push('ready') },
  });
  const whole = (name: string): string[] => [
    'reloading',
    `open ${name}`,
    'opened',
    'doors',
    'the configuration was read anew',
    'ready',
  ];
  const both = await Promise.all([reloader.reload(), reloader.reload(file('two.cfg', cfgOf('two')))]);
  assert.deepEqual(both, [[], []]);
  assert.deepEqual(story.splice(0), [...whole('one'), ...whole('two')]);

  const [problem = ''] = await reloader.reload(file('bad.cfg', `${cfgOf('bad')} banana\n`));
  assert.match(problem, /bad\.cfg:9:2: .*banana/);
  assert.deepEqual(story.splice(0), [
    'reloading',
    'the configuration was not read anew: the one before it stays',
    'ready',
  ]);
  await reloader.reload();
  assert.deepEqual(story.splice(0), whole('two'), 'a signal reads the file that is in use');

  // What cannot be opened is said, and the rest counts.
  missing = ['port 6400 is taken'];
  const awakeFile = file('three.cfg', `global\n no busy-polling\n${cfgOf('three')}`);
  assert.deepEqual(await reloader.reload(awakeFile), missing);
  const said = 'the configuration was read anew, but not all of it is served: SIGHUP tries again';
  const partly = whole('three').map((line) => (/read anew/.test(line) ? said : line));
  assert.deepEqual(story.splice(0), partly);
  missing = [];
  await reloader.reload();
  assert.deepEqual(story, whole('three'));
  assert.deepEqual(awake.slice(-3), [null, false, false]);
});
