import type { ProductionPackage } from './production-packages.ts';

interface Product {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

/**
 * A list of what the product consists of, as CycloneDX 1.6. The same packages give the same text: there is no time and no
 * serial number in it.
 */
export function createSbom(product: Product, packages: readonly ProductionPackage[]): string {
  const components = new Map(packages.map((one) => [purlOf(one), componentOf(one)]));
  const bom = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': purlOf(product),
        ...{ name: product.name, version: product.version, purl: purlOf(product) },
        licenses: licensesOf(product.license),
      },
    },
    components: [...components.entries()]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([, component]) => component),
  };
  return `${JSON.stringify(bom, undefined, 2)}\n`;
}

function componentOf(one: ProductionPackage) {
  const [scope, name] = one.name.startsWith('@') ? one.name.split('/') : [undefined, one.name];
  const [algorithm = '', digest = ''] = one.integrity?.split('-', 2) ?? [];
  return {
    type: 'library',
    'bom-ref': purlOf(one),
    ...(scope === undefined ? {} : { group: scope }),
    ...{ name, version: one.version, purl: purlOf(one) },
    scope: one.isOptional ? 'optional' : 'required',
    licenses: licensesOf(one.license),
    ...(digest === ''
      ? {}
      : {
          hashes: [
            {
              alg: algorithm.toUpperCase().replace('SHA', 'SHA-'),
              content: Buffer.from(digest, 'base64').toString('hex'),
            },
          ],
        }),
  };
}

function licensesOf(license: string | undefined) {
  if (license === undefined) return [];
  return license.includes(' ') ? [{ expression: license }] : [{ license: { id: license } }];
}

/** https://github.com/package-url/purl-spec, type npm. */
function purlOf({ name, version }: { readonly name: string; readonly version: string }): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}
