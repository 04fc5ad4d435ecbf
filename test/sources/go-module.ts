// A Go module out of the text of the source documents: one package for each, in which nothing is retyped. What the documents leave out
// (imports, a constructor, a type that is only named) is added here and nowhere else.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { repositoryPath } from '../support/repository.ts';
import type { Source } from './documents.ts';
import { blocksOf, sourceColumns } from './documents.ts';

/** Blocks that compile without the packages of kubernaut, each by words that only it has, and what it needs beside them. */
const FILES: readonly {
  readonly source: Source;
  readonly words: string;
  readonly added?: string;
}[] = [
  { source: '000', words: 'type WorkflowExecutionAudit struct' },
  { source: '001', words: 'type KubernetesExecutionAudit struct' },
  { source: '001', words: 'func NewAuditStorageClient' },
  {
    source: '001',
    words: 'type BatchedAuditStorage struct',
    added: `
// What the document's metric is, as far as the batch uses it.
type gauge struct{ Value float64 }

func (g *gauge) Set(value float64) { g.Value = value }

var PendingAuditRecords = &gauge{}

// The document gives no constructor.
func NewBatchedAuditStorage(client *AuditStorageClient, batchSize int) *BatchedAuditStorage {
    return &BatchedAuditStorage{client: client, batchSize: batchSize, flushInterval: time.Second}
}

// The document names it; the address is that of this service.
func (c *AuditStorageClient) StoreBatch(ctx context.Context, audits []*KubernetesExecutionAudit) error {
    body, err := json.Marshal(audits)
    if err != nil {
        return err
    }
    url := c.storageServiceURL + "/api/v1/audit/kubernetes-execution/batch"
    resp, err := http.Post(url, "application/json", bytes.NewBuffer(body))
    if err != nil {
        return err
    }
    defer resp.Body.Close()
    if resp.StatusCode != http.StatusCreated {
        return fmt.Errorf("audit storage failed with status: %d", resp.StatusCode)
    }
    return nil
}
`,
  },
  { source: '002', words: 'type SignalProcessingAudit struct' },
  {
    source: '002',
    words: 'type DataStorageClient interface',
    added: `
// The document never makes one.
func NewDataStorageClient(baseURL string) DataStorageClient {
    return &dataStorageClientImpl{httpClient: &http.Client{}, baseURL: baseURL}
}
`,
  },
  {
    source: '004',
    words: 'type StepExecutionAudit struct',
    added: `
// The document names it and never declares it.
type AdaptiveAdjustment map[string]string
`,
  },
];

const IMPORTS = ['bytes', 'context', 'encoding/json', 'fmt', 'net/http', 'sync', 'time'];

/** The packages, the program of test/api/fixtures/go-client, and its go.mod. */
export function writeGoModule(folder: string): void {
  cpSync(repositoryPath('test/api/fixtures/go-client'), folder, { recursive: true });
  for (const [index, { source, words, added = '' }] of FILES.entries()) {
    const [block, ...others] = blocksOf(source, 'go').filter(({ text }) => text.includes(words));
    if (block === undefined || others.length > 0)
      throw new Error(
        `${words} stands in ${others.length + Number(block !== undefined)} blocks of ${source}`,
      );
    writeFile(folder, source, `block${index}.go`, block.text + added);
  }
  writeFile(folder, '003', 'analysis.go', analysisStruct());
}

function writeFile(folder: string, source: Source, name: string, text: string): void {
  const body = text.replace(/^package \w+\n/, '').replace(/^import (?:"[^"]+"|\([^)]*\))\n/m, '');
  const used = IMPORTS.filter((path) => new RegExp(`\\b${path.split('/').at(-1) ?? ''}\\.[A-Z]`).test(body));
  const imports = used.map((path) => `import "${path}"\n`).join('');
  mkdirSync(join(folder, `source${source}`), { recursive: true });
  writeFileSync(join(folder, `source${source}`, name), `package storage\n\n${imports}\n${body}`);
}

const GO_TYPES: Readonly<Record<string, string>> = {
  BOOLEAN: 'bool',
  DECIMAL: 'float64',
  INTEGER: 'int',
  JSONB: 'json.RawMessage',
  TEXT: 'string',
  TIMESTAMP: 'time.Time',
  UUID: 'string',
  VARCHAR: 'string',
};

/** Document 003 fills a struct that it never declares: its fields are the columns of its table, under the names its code uses. */
function analysisStruct(): string {
  const fields = sourceColumns()
    .filter(({ table }) => table === 'ai_analysis_audit')
    .map(
      ({ name, type }) =>
        `    ${goName(name)} ${GO_TYPES[type.split('(')[0] ?? ''] ?? ''} \`json:"${name}"\``,
    );
  return `type AIAnalysisAudit struct {\n${fields.join('\n')}\n}\n`;
}

/** `crd_name` is CRDName in the document's code. */
export function goName(column: string): string {
  return column
    .split('_')
    .map((word) =>
      ['id', 'crd'].includes(word) ? word.toUpperCase() : word.charAt(0).toUpperCase() + word.slice(1),
    )
    .join('');
}
