import type { JsonValue } from '../../domain/json.ts';
import { long, UNKNOWN } from '../cells.ts';
import { type Html, html } from '../html.ts';

/* What the sections of one remediation are made of. */

export function section(id: string, title: string, body: Html): Html {
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">${title}</h2>
    ${body}
  </section>`;
}

/** What is not known is said; text may be of any length. */
export function shown(value: JsonValue | undefined): Html {
  if (value === null || value === undefined || value === '') return UNKNOWN;
  return long(typeof value === 'string' ? value : JSON.stringify(value));
}

export function facts(rows: readonly (readonly [string, Html])[]): Html {
  return html`<table>
    <tbody>
      ${rows.map(
        ([name, value]) =>
          html`<tr>
            <th scope="row">${name}</th>
            <td>${value}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

export function listed(items: JsonValue | undefined): Html {
  if (!Array.isArray(items) || items.length === 0) return html`nothing is recorded`;
  return html`<ul>
    ${items.map((item) => html`<li>${shown(item)}</li>`)}
  </ul>`;
}
