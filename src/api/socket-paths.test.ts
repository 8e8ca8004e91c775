import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runtimeFolder, socketName } from './socket-paths.ts';

it('uses RUNTIME_DIRECTORY, else /run/baton for root, else the folder of the user, else none (design.md 3)', () => {
  assert.equal(runtimeFolder({ RUNTIME_DIRECTORY: '/run/a:/run/b' }, true), '/run/a');
  assert.equal(runtimeFolder({ XDG_RUNTIME_DIR: '/run/user/7' }, true), '/run/baton');
  assert.equal(runtimeFolder({ XDG_RUNTIME_DIR: '/run/user/7' }, false), '/run/user/7/baton');
  assert.equal(runtimeFolder({}, false), null);
});

it('makes a file name of any name', () => {
  assert.equal(socketName('sentinel', '../my file'), 'sentinel-.._my_file.sock');
});
