interface Fault {
  /** How the libraries below say it: grpc-js with OpenSSL in the client, tonic with rustls in the worker. */
  readonly says: RegExp;
  readonly remedy: string;
}

const FAULTS: readonly Fault[] = [
  {
    says: /UNAUTHENTICATED|PERMISSION_DENIED|valid authentication credentials|does not have permission/,
    remedy: 'check TEMPORAL_API_KEY and that it is meant for this namespace',
  },
  {
    says: /code: NotFound/,
    remedy:
      'make the namespace with `temporal operator namespace create`, or name another one in TEMPORAL_NAMESPACE',
  },
  {
    says: /CertificateRequired|certificate required|alert number 116/,
    remedy:
      'the server wants a client certificate: set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH',
  },
  {
    says: /NotValidForName|altnames/,
    remedy: 'the certificate is for another name: check TEMPORAL_ADDRESS, or set TEMPORAL_TLS_SERVER_NAME',
  },
  {
    says: /UnknownIssuer|unable to get|unable to verify|self[- ]signed/,
    remedy: 'name the authority that signed its certificate in TEMPORAL_TLS_SERVER_CA_CERT_PATH',
  },
  {
    says: /InvalidContentType|wrong version number|packet length too long/,
    remedy: 'it speaks no TLS: unset TEMPORAL_TLS, the other TEMPORAL_TLS_… and TEMPORAL_API_KEY',
  },
];

/** How a connection ends that the other side breaks off without a word, or whose word came too late to be read. */
const BROKEN_OFF = /BrokenPipe|Failed to connect \(|ECONNRESET/;

interface Protection {
  readonly usesTls: boolean;
  readonly hasClientCertificate: boolean;
}

/** What somebody can do who cannot reach Temporal for this reason. */
export function remedyFor(reason: string, protection: Protection): string {
  const fault = FAULTS.find(({ says }) => says.test(reason));
  if (fault !== undefined) return fault.remedy;
  if (BROKEN_OFF.test(reason)) return brokenOffRemedy(protection);
  return 'check TEMPORAL_ADDRESS and that the server is up';
}

/**
 * With TLS 1.3 a server refuses a missing client certificate after its side of the handshake: who writes
 * in that moment meets the closed connection before the reason.
 */
function brokenOffRemedy({ usesTls, hasClientCertificate }: Protection): string {
  if (!usesTls) return 'check that this is the port for clients, and set TEMPORAL_TLS=true if it speaks TLS';
  if (hasClientCertificate) {
    return 'check that this is the port for clients, and that the server takes the certificate in TEMPORAL_TLS_CLIENT_CERT_PATH';
  }
  return 'check that this is the port for clients, and set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH if it wants a client certificate';
}
