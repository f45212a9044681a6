import assert from 'node:assert/strict';
import { it } from 'node:test';
import { appSpec, lab, QUIETLY } from './support.ts';

it('an image is refused by the engine that runs processes, with what to do instead', async (t) => {
  const { engine } = await lab(t);
  const spec = appSpec({ run: { command: [] }, image: 'registry.example.com/shop:1.0' });
  for (const dryRun of [true, false]) {
    await assert.rejects(engine.prepare(spec, { ...QUIETLY, dryRun }), {
      code: 'E_IMAGE_UNSUPPORTED',
      message: /found registry\.example\.com\/shop:1\.0/,
      hint: /spec\.source.*Kubernetes/,
    });
  }
});
