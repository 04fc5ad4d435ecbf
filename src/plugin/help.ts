import { exitCodesText } from '../cli/exit-codes.ts';
import type { PluginCommand } from './command.ts';
import { OWN_WORDS } from './completion.ts';
import { COMMON_FLAGS, type Flag, type Flags } from './flags.ts';

const NAME_WIDTH = 12;
const FLAG_WIDTH = 36;

const EXIT_CODES = exitCodesText({ isProcess: false });

export function programHelp(commands: Readonly<Record<string, PluginCommand>>): string {
  const questions = Object.entries(commands).map(
    ([name, { summary }]) => `  ${name.padEnd(NAME_WIDTH)}${summary}`,
  );
  const own = Object.entries(OWN_WORDS).map(([name, summary]) => `  ${name.padEnd(NAME_WIDTH)}${summary}`);
  return `usage: kubectl remediation COMMAND [flags]

${questions.join('\n')}

${own.join('\n')}

\`kubectl remediation help COMMAND\` shows the flags of one.
Whose answers: --server, or the Service in the cluster of the kubeconfig. Who asks: --token-file, or the user of the kubeconfig.

${EXIT_CODES}`;
}

export function helpOf(name: string, { summary, takes, flags, formats, examples }: PluginCommand): string {
  const common: Flags = {
    ...COMMON_FLAGS,
    output: { ...COMMON_FLAGS.output, meaning: `${formats.join(', ')}; default table` },
  };
  const sections = [
    `usage: kubectl remediation ${name}${takes === '' ? '' : ` ${takes}`} [flags]`,
    summary,
    examples.map((example) => `  kubectl remediation ${example}`).join('\n'),
    ...(Object.keys(flags).length === 0 ? [] : [linesOf(flags)]),
    linesOf(common),
    EXIT_CODES,
  ];
  return sections.join('\n\n');
}

function linesOf(flags: Flags): string {
  return Object.entries(flags)
    .map(([name, flag]) => `${flagText(name, flag).padEnd(FLAG_WIDTH)}${flag.meaning}`)
    .join('\n');
}

function flagText(name: string, { short, value }: Flag): string {
  return `  ${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`} `;
}
