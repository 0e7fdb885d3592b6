import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

// Node makes keys but no certificates; this is the little DER that a
// self-signed one takes (RFC 5280, section 4.1), so that no key is kept in a file.

const tags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
  dnsName: 0x82,
  version: 0xa0,
  extensions: 0xa3,
};

const ecdsaWithSha256 = Buffer.from('2a8648ce3d040302', 'hex');
const commonName = Buffer.from('550403', 'hex');
const subjectAltName = Buffer.from('551d11', 'hex');

const day = 86_400_000;

function der(tag: number, ...contents: Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  // The shortest form is the only valid one.
  const length = [body.length];
  if (body.length >= 0x100) {
    length.splice(0, 1, 0x82, body.length >> 8, body.length & 0xff);
  } else if (body.length >= 0x80) {
    length.unshift(0x81);
  }
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

function utcTime(at: Date): Buffer {
  // 2026-01-02T03:04:05.678Z becomes 260102030405Z.
  const text = `${at.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`;
  return der(tags.utcTime, Buffer.from(text));
}

/** A fresh key and a certificate for the names given, good for a day, as PEM. */
export function selfSigned(...names: [string, ...string[]]): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const algorithm = der(tags.sequence, der(tags.objectIdentifier, ecdsaWithSha256));
  const name = der(
    tags.sequence,
    der(
      tags.set,
      der(tags.sequence, der(tags.objectIdentifier, commonName), der(tags.utf8String, Buffer.from(names[0]))),
    ),
  );
  const altNames = der(tags.sequence, ...names.map((dns) => der(tags.dnsName, Buffer.from(dns))));
  const serial = randomBytes(16);
  serial.writeUInt8((serial.readUInt8(0) & 0x3f) | 0x40, 0); // positive, and its first byte is not redundant
  const now = Date.now();
  const body = der(
    tags.sequence,
    der(tags.version, der(tags.integer, Buffer.from([2]))),
    der(tags.integer, serial),
    algorithm,
    name,
    der(tags.sequence, utcTime(new Date(now - day)), utcTime(new Date(now + day))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(
      tags.extensions,
      der(
        tags.sequence,
        der(tags.sequence, der(tags.objectIdentifier, subjectAltName), der(tags.octetString, altNames)),
      ),
    ),
  );
  const signature = sign('sha256', body, privateKey);
  const certificate = der(
    tags.sequence,
    body,
    algorithm,
    der(tags.bitString, Buffer.from([0]), signature), // no unused bits
  );
  const lines = certificate.toString('base64').replace(/.{64}/g, '$&\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}
