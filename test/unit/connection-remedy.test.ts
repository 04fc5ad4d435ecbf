import { expect, test } from 'vitest';

import { remedyFor } from '../../src/temporal/connection.ts';

/** What the worker's and the client's library say when the other side is gone before it said why. */
const BROKEN_OFF = [
  'transport error: BrokenPipe',
  'Failed to connect (tonic::transport::Error)',
  'read ECONNRESET',
];

test.each(BROKEN_OFF)(
  'a connection that is broken off has a remedy for how it was protected: %s',
  (reason) => {
    const plain = remedyFor(reason, { usesTls: false, hasClientCertificate: false });
    expect(plain).toContain('TEMPORAL_TLS=true');
    const serverOnly = remedyFor(reason, { usesTls: true, hasClientCertificate: false });
    expect(serverOnly).toContain('set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH');
    expect(serverOnly).not.toContain('TEMPORAL_TLS=true');
    const mutual = remedyFor(reason, { usesTls: true, hasClientCertificate: true });
    expect(mutual).toContain('takes the certificate in TEMPORAL_TLS_CLIENT_CERT_PATH');
  },
);

test('a reason that was read counts more than how the connection ended', () => {
  const reason = 'BrokenPipe after CertificateRequired';
  expect(remedyFor(reason, { usesTls: true, hasClientCertificate: false })).toContain('the server wants');
});
