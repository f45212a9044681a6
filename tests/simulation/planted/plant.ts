/**
 * Preloaded (`node --import`) with the name of a planted bug in CROSSFADE_PLANTED: the modules it is in are loaded with
 * its text instead of theirs. Nothing on disk is changed.
 */
import { registerHooks } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { editsOf } from './edits.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const edits = editsOf(process.env.CROSSFADE_PLANTED ?? '');
const files = new Map(Map.groupBy(edits, (edit) => pathToFileURL(path.join(ROOT, edit.file)).href));

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const own = files.get(url);
    if (!own) return loaded;
    const text = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
    return {
      ...loaded,
      source: own.reduce((source, { find, put }) => source.replace(find, () => put), text),
    };
  },
});
