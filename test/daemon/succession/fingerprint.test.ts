// The fingerprint of a configuration is the same in every version of opsd: an upgrade restarts nothing that did not change.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprintOf } from '../../../src/daemon/succession/fingerprint.ts';
import { EVERY_SERVICE_KEY } from '../../config/every-key.ts';
import { configOf } from '../../config/loading.ts';

test('the fingerprints of a configuration that did not change are those of the versions before', () => {
  const { services } = configOf(EVERY_SERVICE_KEY);
  assert.deepEqual(Object.fromEntries([...services].map(([name, spec]) => [name, fingerprintOf(spec)])), {
    plain: '2577ba2088599ca7ae8fd3bbac606a08',
    db: '75b11303dc8288b986db9e64e254b6b0',
    'web@1': '97dc4969955693f2b3b312a486aa9122',
    'web@2': '441899afab6252ad303e16b25925c04c',
    tcp: 'f6cbb1b47f3a909ae85acd4f55896cca',
    exec: 'e46714b697a2a49dac8b7781e550142f',
    slow: 'fb644f6191114751acde2df386dbca97',
    job: '3014c3bfb40da58fecf26411ec75ecbc',
  });
});
