import { UsageError } from '../config/settings.ts';
import type { PluginCommand } from './command.ts';
import { COMMON_FLAGS, type Flag, type Flags } from './flags.ts';

/*
 * Completion of the command line. The scripts of the shells ask the program itself, with the protocol of Cobra: a line per
 * candidate, its description behind a tab, and last a colon with what the shell adds. kubectl asks plugins in the same way.
 */

/** Of Cobra's directives: files, and no files. */
const FILES = ':0';
const NO_FILES = ':4';

type Commands = Readonly<Record<string, PluginCommand>>;

/** Words of the program's own that are no questions. */
export const OWN_WORDS: Readonly<Record<string, string>> = {
  completion: 'the script that makes a shell complete this program',
  help: 'what a command takes',
  version: 'the version of this program',
};

/** For the words of a command line; the last is the one that is being typed, and may be empty. */
export function candidatesFor(words: readonly string[], commands: Commands): string {
  const typed = words.at(-1) ?? '';
  const [name = '', ...before] = words.slice(0, -1);
  const { candidates, directive } = choose({ name, before, typed }, commands);
  const fitting = candidates.filter(([word]) => word.startsWith(typed));
  return [...fitting.map(([word, meaning]) => `${word}\t${meaning}`), directive]
    .map((line) => `${line}\n`)
    .join('');
}

interface Typed {
  readonly name: string;
  readonly before: readonly string[];
  readonly typed: string;
}

interface Choice {
  readonly candidates: readonly (readonly [word: string, meaning: string])[];
  readonly directive: string;
}

const NOTHING: Choice = { candidates: [], directive: NO_FILES };

/** Words without a meaning beside them. */
const ofWords = (words: readonly string[] = []): Choice => ({
  ...NOTHING,
  candidates: words.map((word) => [word, '']),
});

function choose({ name, before, typed }: Typed, commands: Commands): Choice {
  const names = Object.entries(commands).map(([word, { summary }]) => [word, summary] as const);
  if (name === '') return { ...NOTHING, candidates: [...names, ...Object.entries(OWN_WORDS)] };
  if (name === 'help') return { ...NOTHING, candidates: before.length === 0 ? names : [] };
  if (name === 'completion') return ofWords(Object.keys(SCRIPTS));
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  return command === undefined ? NOTHING : ofCommand(command, before.at(-1), typed);
}

function ofCommand(command: PluginCommand, last: string | undefined, typed: string): Choice {
  const output = { ...COMMON_FLAGS.output, words: command.formats };
  const flags: Flags = { ...command.flags, ...COMMON_FLAGS, output };
  const waiting = flagThatWaits(last, flags);
  if (waiting?.isFile === true) return { ...NOTHING, directive: FILES };
  if (waiting !== undefined) return ofWords(waiting.words);
  if (!typed.startsWith('-')) return NOTHING;
  return {
    ...NOTHING,
    candidates: Object.entries(flags).map(([flag, { meaning }]) => [`--${flag}`, meaning]),
  };
}

/** The flag whose value comes next. */
function flagThatWaits(word: string | undefined, flags: Flags): Flag | undefined {
  const found = Object.entries(flags).find(
    ([name, { short }]) => word === `--${name}` || (short !== undefined && word === `-${short}`),
  );
  return found?.[1].type === 'string' ? found[1] : undefined;
}

const BASH = `# bash completion for kubectl-remediation: source <(kubectl-remediation completion bash)
_kubectl_remediation() {
  local line directive=:4
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :*) directive=$line ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(kubectl-remediation __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  if [ "$directive" = :0 ]; then compopt -o default; fi
}
complete -F _kubectl_remediation kubectl-remediation
`;

const ZSH = `#compdef kubectl-remediation
# zsh completion for kubectl-remediation: source <(kubectl-remediation completion zsh)
_kubectl_remediation() {
  local line word meaning directive=:4
  local -a found
  while IFS= read -r line; do
    case $line in
      :*) directive=$line ;;
      *)
        word=\${line%%$'\\t'*} meaning=\${line#*$'\\t'}
        found+=("\${word//:/\\\\:}\${meaning:+:$meaning}") ;;
    esac
  done < <(kubectl-remediation __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if [ "$directive" = :0 ]; then _files; else _describe kubectl-remediation found; fi
}
# A file of $fpath is run for the first completion; a script that is sourced is not.
if [[ $funcstack[1] = _kubectl-remediation ]]; then _kubectl_remediation; else compdef _kubectl_remediation kubectl-remediation; fi
`;

const FISH = `# fish completion for kubectl-remediation: kubectl-remediation completion fish | source
function __kubectl_remediation
  set -l words (commandline -opc) (commandline -ct)
  set -l lines (kubectl-remediation __complete $words[2..-1] 2>/dev/null)
  if test "$lines[-1]" = :0
    __fish_complete_path (commandline -ct)
  else
    string match -v ':*' -- $lines
  end
end
complete -c kubectl-remediation -f -a '(__kubectl_remediation)'
`;

const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

export function completionScript([shell = '', ...others]: readonly string[]): string {
  const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
  if (script === undefined || others.length > 0)
    throw new UsageError(`completion takes one of ${Object.keys(SCRIPTS).join(', ')}`);
  return script;
}
