/** One instruction of a Dockerfile, its continued lines joined. */
export interface Instruction {
  /** In capitals: `COPY`. */
  keyword: string;
  /** `--from=build` and the like, without the dashes. */
  flags: Readonly<Record<string, string>>;
  /** Everything after keyword and flags. */
  text: string;
  /** The same as words: those of a JSON array, else split at spaces with quotes removed. */
  words: readonly string[];
}

export interface Stage {
  name: string;
  image: string;
  instructions: readonly Instruction[];
}

/**
 * The stages of a Dockerfile, as far as ours uses the language. What it does not know (heredocs, variables in FROM,
 * another escape character) it refuses, so that a test cannot pass on something it misread.
 */
export function parseDockerfile(text: string): Stage[] {
  if (/^#\s*escape\s*=/m.test(text)) throw new Error('this parser does not know the escape directive');
  const stages: { name: string; image: string; instructions: Instruction[] }[] = [];
  for (const line of logicalLines(text)) {
    const instruction = parseInstruction(line);
    if (instruction.keyword === 'FROM') {
      const [image = '', as, name] = instruction.words;
      if (image.includes('$'))
        throw new Error(`this parser does not resolve the image of FROM ${instruction.text}`);
      stages.push({ image, name: as?.toLowerCase() === 'as' ? (name ?? '') : '', instructions: [] });
    } else {
      const stage = stages.at(-1);
      if (stage === undefined) throw new Error(`${instruction.keyword} before the first FROM`);
      stage.instructions.push(instruction);
    }
  }
  return stages;
}

/** Comment lines vanish wherever they stand, also between continued lines. */
function logicalLines(text: string): string[] {
  const lines: string[] = [];
  let pending = '';
  for (const line of text.split('\n')) {
    if (/^\s*(#|$)/.test(line)) continue;
    const continued = /\\\s*$/.test(line);
    pending += continued ? line.replace(/\\\s*$/, ' ') : line;
    if (continued) continue;
    lines.push(pending);
    pending = '';
  }
  if (pending !== '') throw new Error(`the last instruction is continued but nothing follows: ${pending}`);
  return lines;
}

function parseInstruction(line: string): Instruction {
  const [, keyword = '', rest = ''] = /^\s*([A-Za-z]+)\s+(.*)$/.exec(line) ?? [];
  if (keyword === '') throw new Error(`not an instruction: ${line}`);
  if (rest.includes('<<')) throw new Error(`this parser does not know heredocs: ${line}`);
  const flags: Record<string, string> = {};
  let text = rest.trim();
  for (let match = FLAG.exec(text); match !== null; match = FLAG.exec(text)) {
    flags[match[1] ?? ''] = match[2] ?? '';
    text = text.slice(match[0].length);
  }
  return { keyword: keyword.toUpperCase(), flags, text, words: splitWords(text) };
}

const FLAG = /^--([a-z-]+)=(\S+)\s+/;

function splitWords(text: string): string[] {
  if (text.startsWith('[')) return JSON.parse(text) as string[];
  const words = text.match(/(?:"[^"]*"|[^\s"])+/g) ?? [];
  return words.map((word) => word.replaceAll('"', ''));
}

/** Whether .dockerignore keeps a path out of the build: the last matching pattern decides, a folder covers what is in it. */
export function createIgnore(text: string): (path: string) => boolean {
  const patterns = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ keeps: line.startsWith('!'), path: line.replace(/^!/, '') }));
  for (const { path } of patterns) {
    if (path !== '*' && /[*?[\]\\]/.test(path))
      throw new Error(`this matcher does not know the pattern ${path}`);
  }
  return (path) => {
    const last = patterns.findLast(
      (one) => one.path === '*' || path === one.path || path.startsWith(`${one.path}/`),
    );
    return last !== undefined && !last.keeps;
  };
}
