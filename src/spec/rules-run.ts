import { insideFolder, resolvePath } from './paths.ts';
import type { RuleContext } from './rules.ts';
import { INSIDE_SOURCE } from './schema-run.ts';

type Rule = (context: RuleContext) => void;

const buildNeedsSource: Rule = ({ given, problem }) => {
  if (given('build') && !given('source')) {
    problem(['build'], 'builds inside a snapshot of spec.source, which is missing', {
      suggestion: 'add source: . for the folder of this file',
    });
  }
};

/** An image brings a command of its own; nothing else does. */
const commandNeeded: Rule = ({ given, problem, raw }) => {
  if (given('image')) return;
  if (!given('run')) missing(problem, ['run'], 'a mapping such as { command: [node, server.js] }');
  else if (isMapping(raw(['run'])) && raw(['run', 'command']) === undefined)
    missing(
      problem,
      ['run', 'command'],
      'a list with the program and its arguments, such as [node, server.js]',
    );
};

function missing(problem: RuleContext['problem'], path: PropertyKey[], expected: string): void {
  problem(path, `missing: expected ${expected}`, { code: 'E_SPEC_MISSING', expected });
}

function isMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const workingDirFits: Rule = ({ run, given, problem }) => {
  const { workingDir } = run;
  if (workingDir === undefined) return;
  const isAbsolute = insideFolder(workingDir) === undefined;
  if (isAbsolute === given('image')) return;
  const expected = given('image') ? 'an absolute path inside the image' : INSIDE_SOURCE;
  problem(['run', 'workingDir'], `expected ${expected}, found ${JSON.stringify(workingDir)}`, {
    code: 'E_SPEC_VALUE',
    expected,
  });
};

/** The working folder of an image is known to the image alone. */
const configFilesNeedFolder: Rule = ({ run, given, problem }) => {
  const names = Object.keys(run.configFiles ?? {});
  if (names.length > 0 && given('image') && run.workingDir === undefined) {
    problem(['run', 'configFiles'], 'are put into run.workingDir, which is missing', {
      at: 'key',
      suggestion: 'add workingDir: with the absolute path of the folder inside the image',
    });
  }
};

const workingDirNeedsSource: Rule = ({ run, given, problem }) => {
  if (given('image')) return;
  if (run.workingDir !== undefined && insideFolder(run.workingDir) !== undefined && !given('source')) {
    problem(['run', 'workingDir'], 'is a folder inside spec.source, which is missing', {
      suggestion: 'add source: . for the folder of this file',
    });
  }
};

/** Without a snapshot there is no folder that `./server` could be in. */
const relativeProgramNeedsSource: Rule = ({ run, given, problem }) => {
  const program = run.command?.[0];
  if (
    program === undefined ||
    given('source') ||
    given('image') ||
    !program.includes('/') ||
    program.startsWith('/')
  )
    return;
  problem(
    ['run', 'command', 0],
    `is relative to spec.source, which is missing: found ${JSON.stringify(program)}`,
    {
      suggestion:
        'add source: . for the folder of this file, or write an absolute path or the name of a program on PATH',
    },
  );
};

const portPlaceholderNeedsPort: Rule = ({ run, given, problem }) => {
  if (given('port')) return;
  for (const [index, argument] of run.command?.entries() ?? []) {
    if (argument.includes('{port}')) {
      problem(
        ['run', 'command', index],
        '{port} stands for the port of the replica, but spec.port is missing',
        { suggestion: 'add spec.port' },
      );
    }
  }
};

const ownVariables: Rule = ({ run, given, problem }) => {
  for (const name of Object.keys(run.env ?? {})) {
    if (name === 'PORT' && given('port')) {
      problem(['run', 'env', name], 'PORT is given to each replica by Crossfade, because spec.port is set', {
        at: 'key',
        suggestion: 'remove it',
      });
    }
    if (name.startsWith('CROSSFADE_')) {
      problem(['run', 'env', name], 'names that begin with CROSSFADE_ are given by Crossfade', {
        at: 'key',
        suggestion: 'choose another name',
      });
    }
  }
};

/** Two names of one file, or a file where another one needs a folder: which of them wins would be chance. */
const configFilesApart: Rule = ({ run, problem }) => {
  const seen = new Map<string, string>();
  for (const path of Object.keys(run.configFiles ?? {})) {
    const normal = insideFolder(path) ?? path;
    const clash = [...seen].find(
      ([other]) => other === normal || isBelow(other, normal) || isBelow(normal, other),
    );
    if (clash) {
      const why = clash[0] === normal ? 'is the same file as' : 'cannot exist beside';
      problem(['run', 'configFiles', path], `${why} ${JSON.stringify(clash[1])}`, {
        at: 'key',
        suggestion: 'remove one of them',
      });
    }
    seen.set(normal, path);
  }
};

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

/** Over the network a document comes from no folder. */
const pathsNeedFolder: Rule = ({ spec, run, baseDir, problem }) => {
  if (baseDir !== undefined) return;
  const paths: [PropertyKey[], string | undefined][] = [
    [['source'], spec.source],
    ...(run.envFiles ?? []).map((path, index): [PropertyKey[], string] => [['run', 'envFiles', index], path]),
    ...Object.entries(run.env ?? {}).map(([name, value]): [PropertyKey[], string | undefined] => [
      ['run', 'env', name, 'fromFile'],
      typeof value === 'string' ? undefined : value.fromFile,
    ]),
    ...Object.entries(run.configFiles ?? {}).map(([name, file]): [PropertyKey[], string | undefined] => [
      ['run', 'configFiles', name, 'fromFile'],
      file.fromFile,
    ]),
  ];
  for (const [where, path] of paths) {
    if (path !== undefined && resolvePath(path, undefined) === undefined) {
      problem(
        where,
        `expected an absolute path, found ${JSON.stringify(path)}: this document comes without a folder`,
        { code: 'E_SPEC_VALUE' },
      );
    }
  }
};

export const runRules: readonly Rule[] = [
  commandNeeded,
  workingDirFits,
  configFilesNeedFolder,
  buildNeedsSource,
  workingDirNeedsSource,
  relativeProgramNeedsSource,
  portPlaceholderNeedsPort,
  ownVariables,
  configFilesApart,
  pathsNeedFolder,
];
