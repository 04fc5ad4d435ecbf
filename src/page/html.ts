/*
 * HTML as a template: what stands in the template is markup, and whatever is put into it is text, escaped for elements and
 * for attributes in quotes. Only another template is markup again, so nothing that was recorded can become some.
 */

/** Markup that `html` made. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

/** Undefined, null and false are nothing, so that a part can be left out by a condition. */
type Part = Html | string | number | undefined | null | false | readonly Part[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  // HTML knows no NUL: parsers take it for another character, or away.
  '\0': '\ufffd',
};

export function html(template: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(
    template.map((text, index) => text + (index < parts.length ? markupOf(parts[index]) : '')).join(''),
  );
}

function markupOf(part: Part): string {
  if (part instanceof Html) return part.markup;
  if (isList(part)) return part.map(markupOf).join('');
  if (part === undefined || part === null || part === false) return '';
  return String(part)
    .toWellFormed()
    .replaceAll(/[&<>"'\0]/g, (character) => ESCAPES[character] ?? character);
}

function isList(part: Part): part is readonly Part[] {
  return Array.isArray(part);
}
