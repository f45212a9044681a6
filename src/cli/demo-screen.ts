import type { AppView, ReleaseView, StageView } from '../api/types.ts';
import { count, failuresText, millis, percentWords } from '../probe/text.ts';
import type { ProbeSummary } from '../probe/types.ts';
import type { CliContext } from './context.ts';
import type { Paint } from './output/colour.ts';
import type { Glyphs } from './output/glyphs.ts';
import { align } from './output/table.ts';

/** A share of the last second's answers, under the name that people know: the edition. */
export interface NamedShare {
  name: string;
  share: number;
}

export interface Scene {
  release: ReleaseView | null;
  status: AppView['status'];
  traffic: ProbeSummary;
  shares: NamedShare[];
}

/** The release as it stands: its stages, who answers, and what the traffic has met. Pure. */
export function sceneLines(scene: Scene, paint: Paint, glyphs: Glyphs): string[] {
  return [
    ...(scene.release === null ? [] : stageLines(scene.release, paint, glyphs)),
    '',
    ...(scene.shares.length === 0 ? [] : [shareBar(scene.shares, paint, glyphs)]),
    trafficLine(scene.traffic, paint),
    paint('dim', scene.status.message),
  ].map((line) => `  ${line}`.trimEnd());
}

function stageLines(release: ReleaseView, paint: Paint, glyphs: Glyphs): string[] {
  const rows = release.stages.map((stage) => stageRow(stage, paint, glyphs));
  return align(rows, '  ');
}

function stageRow(stage: StageView, paint: Paint, glyphs: Glyphs): string[] {
  const mark = { ...glyphs, aborted: glyphs.failed };
  const shade = { done: 'green', current: 'cyan', todo: 'dim', skipped: 'dim', aborted: 'red' } as const;
  return [paint(shade[stage.state], `${mark[stage.state]} ${stage.name}`), ...splitCells(stage)];
}

/** Asked, measured, over how many requests; empty where no share is asked. */
export function splitCells(stage: StageView): [asked: string, measured: string, over: string] {
  if (stage.askedPercent === null) return ['', '', ''];
  const measured = stage.measuredPercent === null ? '' : `measured ${percentWords(stage.measuredPercent)}`;
  return [
    `asked ${percentWords(stage.askedPercent)}`,
    measured,
    stage.requests ? `of ${count(stage.requests)}` : '',
  ];
}

const BAR_COLUMNS = 40;

function shareBar(shares: readonly NamedShare[], paint: Paint, glyphs: Glyphs): string {
  const cell = glyphs.arrow === '->' ? '#' : '█';
  const shades = ['cyan', 'green', 'yellow'] as const;
  const parts = shares.map(({ share }, index) =>
    paint(
      shades[index % shades.length] ?? 'cyan',
      (index % 2 === 0 ? cell : '░').repeat(Math.round(share * BAR_COLUMNS)),
    ),
  );
  const legend = shares
    .filter(({ share }) => share > 0)
    .map(({ name, share }) => `${name} ${Math.round(share * 100)}%`);
  return `${parts.join('')}  ${legend.join('  ')}`;
}

function trafficLine(traffic: ProbeSummary, paint: Paint): string {
  const failed =
    traffic.failed === 0 ? paint('green', '0 failed') : paint('red', `${failuresText(traffic)} failed`);
  return `${count(traffic.requests)} requests   ${failed}   slowest ${millis(traffic.slowestMs)}`;
}

/** Lines that are drawn in place on a terminal; in a file, each stage is said once, when it is done. */
export interface Screen {
  draw(scene: Scene): void;
  /** Leaves the last picture where it is. */
  end(): void;
}

export function createScreen(
  ctx: CliContext,
  paint: Paint,
  glyphs: Glyphs,
  write: (text: string) => void,
): Screen {
  let drawn = 0;
  const said = new Set<number>();
  return {
    draw(scene) {
      if (ctx.isTTY) {
        const columns = (ctx.stdout.columns ?? 80) - 1;
        const up = drawn === 0 ? '' : `\u001b[${drawn}A\r\u001b[J`;
        const lines = sceneLines(scene, paint, glyphs).map((line) => fitted(line, columns));
        write(`${up}${lines.join('\n')}\n`);
        drawn = lines.length;
        return;
      }
      const { release } = scene;
      if (release === null) return;
      const lines = stageLines(release, paint, glyphs);
      release.stages.forEach((stage, index) => {
        // Of a stage that was just passed the last counts are known only when the release has ended or moved on.
        if ((stage.state !== 'done' && stage.state !== 'aborted') || said.has(index)) return;
        said.add(index);
        write(`  ${lines[index]}\n`);
      });
    },
    end() {
      drawn = 0;
    },
  };
}

/** Cut to the width of the terminal: a line that wraps would break the drawing. Colours take no room. */
function fitted(line: string, columns: number): string {
  let room = columns;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  return line.replace(/\u001b\[[0-9;]*m|[\s\S]/gu, (part) => {
    if (part.length > 2) return part;
    room -= 1;
    return room >= 0 ? part : '';
  });
}
