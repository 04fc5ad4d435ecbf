import { COST } from './budget.ts';
import type { Replace } from './rule.ts';
import { isValue, looksSecret } from './values.ts';

// Passwords that commands take as an argument, in the options of each command.

/** A value in quotes or up to the next blank. */
const ARGUMENT = String.raw`(?:'([^'\n]{1,256})'|"([^"\n]{1,256})"|([^\s'"|;]{1,256}))`;

/** `-p secret`, `-p=secret`. */
const option = (letters: string): RegExp =>
  new RegExp(String.raw`(?<=\s)-${letters}(?:[ \t]{1,4}|=)(?!-)${ARGUMENT}`, 'd');
/** `-psecret`. */
const glued = (letters: string): RegExp => new RegExp(String.raw`(?<=\s)-${letters}${ARGUMENT}`, 'd');
/** What follows an expression. */
const after = (source: string): RegExp => new RegExp(String.raw`(?<=\s)${source}${ARGUMENT}`, 'd');

interface Command {
  /** As it is called, an expression. */
  readonly names: string;
  /** The first match of each expression holds a secret in one of its groups; with the flag `g` every match. */
  readonly secrets: readonly RegExp[];
  /** Its argument is often a word: it must look like a secret. Default false. */
  readonly orWord?: boolean;
  /** What it is piped into decides, so the text is read beyond the next command. Default false. */
  readonly piped?: boolean;
}

const LOGIN = String.raw`(?:docker|podman|nerdctl|buildah|skopeo|crane|oras|oc|az|cf|helm registry|argocd|ibmcloud|rancher|odo|tkn)[ \t]{1,4}login`;

const COMMANDS: readonly Command[] = [
  {
    names:
      'mysql(?:dump|admin|import|check|show|slap|pump|sh)?|mariadb(?:-dump|-admin|-check)?|xtrabackup|mydumper',
    secrets: [glued('p')],
  },
  { names: '7za?|7zr|rar|unrar', secrets: [glued('p')] },
  { names: 'sshpass', secrets: [option('p'), glued('p')] },
  {
    names: `${LOGIN}|mongo(?:sh|dump|restore|export|import|stat)?|useradd|usermod|psexec|influx|cqlsh`,
    secrets: [option('p')],
  },
  { names: '(?:redis|valkey|keydb)-(?:cli|benchmark)', secrets: [option('a'), option('-pass')] },
  {
    names: 'ldap(?:search|modify|add|delete|passwd|whoami|compare|modrdn)',
    secrets: [option('w'), option('s'), glued('w')],
  },
  {
    names: 'mosquitto_(?:pub|sub|rr)|zip|unzip|sqlcmd|bcp|tsql|isql|ipmitool|zipcloak',
    secrets: [option('P'), glued('P')],
  },
  { names: 'smbclient|rpcclient|smbmap', secrets: [after('-U[ \\t]{0,4}[^\\s%]{1,64}%')] },
  {
    names: 'snmp(?:walk|get|set|bulkwalk|bulkget|trap|table)',
    secrets: [option('A'), option('X'), option('c')],
  },
  { names: 'lftp|ncftp', secrets: [after('-u[ \\t]{1,4}[^\\s,]{1,64},'), option('p')] },
  {
    names: 'htpasswd',
    secrets: [
      /(?<=\s)-[A-Za-z]*b[A-Za-z]*[ \t]+(?:[^\s'"]+[ \t]+){1,2}(?:'([^'\n]+)'|"([^"\n]+)"|([^\s'"]+))[ \t]*$/d,
    ],
  },
  {
    names: 'rabbitmqctl',
    secrets: [after('(?:add_user|change_password|authenticate_user)[ \\t]{1,4}\\S{1,64}[ \\t]{1,4}')],
  },
  {
    names: 'mc',
    secrets: [
      after(
        '(?:alias set|config host add)[ \\t]{1,4}\\S{1,64}[ \\t]{1,4}\\S{1,256}[ \\t]{1,4}\\S{1,128}[ \\t]{1,4}',
      ),
    ],
  },
  { names: 'openssl', secrets: [after('(?:-pass(?:in|out)?[ \\t]{1,4})pass:'), option('k'), option('K')] },
  {
    names: 'kubectl|oc',
    secrets: [new RegExp(after('--from-literal[= ]["\']?[^\\s=]{1,128}=').source, 'dg')],
  },
  {
    names: 'etcdctl|curl|https?',
    secrets: [after('(?:-[uaU]|--(?:proxy-)?user|--auth)[ =]{0,2}["\']?[^\\s:"\'/]{1,64}:')],
  },
  { names: 'sqlplus|sqlldr|expdp|impdp|rman', secrets: [/(?<=\s)[\w$#]{1,64}\/([^\s@]{1,128})(?=@)/d] },
  { names: 'net[ \\t]{1,4}use', secrets: [/(?<=\\\\[^\s]{1,256}[ \t]{1,4})(?![/*])([^\s/]{1,256})/d] },
  {
    names: 'cmdkey|schtasks|winrm|wmic',
    secrets: [after('[/-](?:p|pass|password|rp):'), after('/rp[ \\t]{1,4}')],
  },
  { names: 'ssh-keygen|ssh-add', secrets: [option('N'), option('P')] },
  { names: 'nmcli', secrets: [after('(?:password|wifi-sec\\.psk)[ \\t]{1,4}')] },
  { names: 'xfreerdp|rdesktop|mstsc', secrets: [after('/p:'), option('p')] },
  {
    names: 'vault[ \\t]{1,4}login',
    secrets: [/(?<=^[ \t]+(?:-\S+[ \t]+)*)(?:'([^'\n]+)'|"([^"\n]+)"|([^\s'"=-][^\s'"=]{7,}))/d],
    orWord: true,
  },
  { names: 'gh[ \\t]{1,4}auth|glab[ \\t]{1,4}auth', secrets: [after('<<<[ \\t]{0,4}')], orWord: true },
  { names: 'erl|iex|elixir|rabbitmq-server', secrets: [option('-?(?:set)?cookie')] },
  {
    names: 'echo|printf',
    secrets: [
      /^[ \t]+(?:-[a-zA-Z]+[ \t]+)*(?:'([^'\n]+)'|"([^"\n]+)"|([^\s'"|;]+))(?=[ \t]*\|[ \t]*(?:sudo[ \t]+-S|(?:sudo[ \t]+)?(?:chpasswd|passwd|(?:docker|podman|helm|oras|crane)\b[^\n|;]{0,120}--password-stdin|gh auth|cryptsetup)))/d,
    ],
    piped: true,
  },
];

const NAMES = COMMANDS.map(({ names }) => `(${names})`).join('|');
/** A command where no longer word of the same letters begins or ends; also in a path, `/usr/bin/mysql`. */
export const COMMAND = new RegExp(String.raw`(?<![\w.@:-])(?:${NAMES})(?=[ \t]|["']?,)`, 'g');

/** How far the arguments of a command are read. */
const LONGEST = 400;

/** Each command is read up to the next one, so that a text is read once. */
export const replaceInCommands: Replace = (text, { find, redact, spend }) => {
  let result = '';
  let done = 0;
  const found = [...text.matchAll(find)];
  for (const [position, match] of found.entries()) {
    const groups: readonly (string | undefined)[] = match.slice(1);
    const command = COMMANDS[groups.findIndex((name) => name !== undefined)];
    if (command === undefined) continue;
    const start = match.index + match[0].length;
    const next = command.piped === true ? undefined : found[position + 1]?.index;
    const [line = ''] = text.slice(start, Math.min(next ?? text.length, start + LONGEST)).split('\n', 1);
    spend(COST.start + line.length * COST.character);
    for (const [from, to] of secretsIn(line, command)) {
      if (start + from < done) continue;
      result += text.slice(done, start + from) + redact(text.slice(start + from, start + to));
      done = start + to;
    }
  }
  return result + text.slice(done);
};

function secretsIn(
  line: string,
  { secrets, orWord = false }: Command,
): readonly [from: number, to: number][] {
  return secrets
    .flatMap((secret) => {
      secret.lastIndex = 0;
      const matches = secret.global ? [...line.matchAll(secret)] : [secret.exec(line)];
      return matches.flatMap(
        (match) => match?.indices?.slice(1).filter((group) => group !== undefined) ?? [],
      );
    })
    .filter(([from, to]) => isValue(line.slice(from, to)) && (!orWord || looksSecret(line.slice(from, to))))
    .sort(([left], [right]) => left - right);
}
