import type { Command } from 'commander';
import type { LogsQuery } from '../../api/client.ts';
import type { LogLineView } from '../../api/types.ts';
import { oneAppName, wholeNumber } from '../arguments.ts';
import type { CliContext } from '../context.ts';
import { untilInterrupted } from '../interrupt.ts';
import type { Paint, Shade } from '../output/colour.ts';
import { withSession } from '../session.ts';

interface LogsFlags {
  follow?: boolean;
  replica?: string;
  revision?: string;
  tail?: number;
  timestamps?: boolean;
}

export function registerLogs(program: Command, ctx: CliContext): void {
  program
    .command('logs')
    .summary('what the replicas of an App wrote')
    .description(
      'Prints what the replicas of an App wrote, with the name of the replica before each line. With --replica or --revision also the last lines of replicas that are gone.',
    )
    .argument('<app...>', 'app/NAME or NAME')
    .option('-f, --follow', 'go on printing')
    .option('--replica <name>', 'of this replica only')
    .option('--revision <number|id>', 'of this revision only')
    .option('--tail <lines>', 'only the last lines of each replica', wholeNumber)
    .option('--timestamps', 'with the time of each line')
    .action(
      withSession(ctx, async (session, args: string[], flags: LogsFlags) => {
        const ref = session.ref(oneAppName(args));
        const client = await session.client();
        const { out } = session;
        const format = {
          prefix: flags.replica === undefined,
          timestamps: flags.timestamps === true,
          paint: out.paint,
        };
        await untilInterrupted(async (signal) => {
          for await (const line of client.logs(ref, { ...queryOf(flags), signal })) {
            if (out.structured) out.streamed(line);
            else out.print(logLine(line, format));
          }
        });
      }),
    );
}

function queryOf({ follow, replica, revision, tail }: LogsFlags): LogsQuery {
  return {
    follow: follow === true,
    ...(replica === undefined ? {} : { replica }),
    ...(revision === undefined ? {} : { revision: revision.replace(/^#/, '') }),
    ...(tail === undefined ? {} : { tail }),
  };
}

const SHADES: Shade[] = ['cyan', 'green', 'yellow', 'bold'];

function logLine(line: LogLineView, format: { prefix: boolean; timestamps: boolean; paint: Paint }): string {
  const shade =
    SHADES[[...line.replica].reduce((sum, char) => sum + char.charCodeAt(0), 0) % SHADES.length] ?? 'bold';
  const prefix = format.prefix ? `${format.paint(shade, `[${line.replica}]`)} ` : '';
  const time = format.timestamps ? `${line.at} ` : '';
  const text = line.stream === 'crossfade' ? format.paint('dim', line.text) : line.text;
  return `${time}${prefix}${text}`;
}
