import { formatPath, type Problem } from './problem.ts';

/**
 * One mistake, one error. Dropped are: the same thing said twice, what is said about the absence of something beside
 * an unknown field that explains it (`nmae` instead of `name`).
 */
export function dropEchoes(problems: readonly Problem[]): Problem[] {
  const said = new Set<string>();
  return problems.filter((problem) => {
    const text = `${formatPath(problem.path)} ${problem.at} ${problem.message}`;
    if (said.has(text)) return false;
    said.add(text);
    return !problems.some((other) => explains(other, problem));
  });
}

function explains(other: Problem, problem: Problem): boolean {
  if (other.at !== 'key' || other === problem) return false;
  if (problem.isAbsence) return isSame(other.path.slice(0, -1), problem.path);
  if (problem.code !== 'E_SPEC_MISSING' || !isSame(other.path.slice(0, -1), problem.path.slice(0, -1)))
    return false;
  const name = String(problem.path.at(-1));
  return other.suggestion === `did you mean \`${name}\`?`;
}

function isSame(a: readonly PropertyKey[], b: readonly PropertyKey[]): boolean {
  return formatPath(a) === formatPath(b);
}
