import type { SimilarInvestigation } from '../../database/embeddings/embedding-store.ts';
import { known, long, short, time } from '../cells.ts';
import { type Html, html } from '../html.ts';
import type { RemediationRow } from '../remediation-row.ts';
import { badge, remediationLink, remediationTable } from '../remediation-table.ts';
import { section } from './parts.ts';
import type { Asked, Related } from './related.ts';

interface RelatedParts {
  readonly row: RemediationRow;
  readonly related: Related;
  /** Others of the same name. */
  readonly others: readonly { readonly uid: unknown; readonly created_at: string }[];
  readonly nowMs: number;
}

export function relatedView({ row, related, others, nowMs }: RelatedParts): Html {
  return html`${section('earlier', 'Earlier remediations of the target', earlier(row, related.earlier, nowMs))}
  ${section('similar', 'Similar investigations', similar(related.similar, nowMs))}
  ${others.length === 0 ? '' : section('others', 'Others of the same name', sameName(row, others, nowMs))}`;
}

function earlier(row: RemediationRow, asked: Asked<RemediationRow>, nowMs: number): Html {
  if ('why' in asked) return html`<p>Not looked for: ${long(asked.why)}.</p>`;
  const [namespace = '', kind = '', name = ''] = row.target.split('/');
  const query =
    row.target.split('/').length === 3
      ? { target_namespace: namespace, target_kind: kind, target_name: name }
      : { target_kind: namespace, target_name: kind };
  const all = html`<p>
    <a href="/history?${new URLSearchParams({ cluster: row.cluster, ...query }).toString()}"
      >All remediations of this target</a
    >${asked.isPartial ? ', also those in the archive, where this list did not look' : ''}
  </p>`;
  return asked.found.length === 0
    ? html`<p>No earlier remediation of this target is in the database.</p>
        ${all}`
    : html`${remediationTable(asked.found, { labelledBy: 'earlier', nowMs })} ${all}`;
}

/** Whether the same alert led to another remediation later. */
export function cameBack(asked: Asked<RemediationRow>, nowMs: number): Html {
  if ('why' in asked) return html`not known: ${long(asked.why)}`;
  if (asked.found.length === 0) return html`no later remediation of this alert is recorded`;
  return html`it led to ${asked.found.length === 1 ? 'a later remediation' : 'later remediations'}:
    <ul>
      ${asked.found.map(
        (row) =>
          html`<li>
            ${remediationLink(row, short(row.target))}, ${time(row.startedAt, nowMs)} ${badge(row)}
          </li>`,
      )}
    </ul>`;
}

function similar(asked: Asked<SimilarInvestigation>, nowMs: number): Html {
  if ('why' in asked) return html`<p>Not shown: ${long(asked.why)}.</p>`;
  if (asked.found.length === 0) return html`<p>No other investigation is known to the embedding model.</p>`;
  return html`<ul class="gaps">
    ${asked.found.map(
      ({ similarity, createdAt, environment, rootCause, investigationText, remediationUid: uid }) =>
        html`<li>
          ${long(rootCause ?? investigationText)}
          <small
            >similarity ${similarity.toFixed(3)}, ${time(createdAt, nowMs)}, environment
            ${known(environment)}${
              uid === null
                ? ''
                : html`,
                    <a href="/history?${new URLSearchParams({ remediation_uid: uid }).toString()}"
                      >the remediation of this investigation, ${short(uid)}</a
                    >`
            }</small
          >
        </li>`,
    )}
  </ul>`;
}

function sameName(row: RemediationRow, others: RelatedParts['others'], nowMs: number): Html {
  return html`<ul class="gaps">
    ${others.map(({ uid, created_at: at }) => {
      const other = { ...row, uid: typeof uid === 'string' ? uid : '' };
      return html`<li>${remediationLink(other, html`${short(other.uid)}`)}, created ${time(at, nowMs)}</li>`;
    })}
  </ul>`;
}
