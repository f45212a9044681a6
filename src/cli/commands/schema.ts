import type { Command } from 'commander';
import { jsonSchema } from '../../spec/index.ts';
import type { CliContext } from '../context.ts';
import { withSession } from '../session.ts';

export function registerSchema(program: Command, ctx: CliContext): void {
  program
    .command('schema')
    .summary('print the JSON Schema of App files, for editors')
    .description(
      'Prints the JSON Schema of App files, made from the definitions that check them. For the YAML language server: # yaml-language-server: $schema=./app.schema.json',
    )
    .action(
      withSession(ctx, async (session) => {
        if (session.out.format === 'yaml') session.out.object(jsonSchema());
        else session.out.print(JSON.stringify(jsonSchema(), null, 2));
      }),
    );
}
