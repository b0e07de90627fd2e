/**
 * Writes the software bill of materials, in CycloneDX's JSON: what npm installs with vserve, and what its own packages
 * contain (llama.cpp, Swagger UI, the libraries of the playground). `npm pack` puts it into the package.
 *
 *     npm run build && node dist/scripts/sbom.js --out sbom.cdx.json
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { packageRoot } from '../backends/node-llama-cpp/installation.ts';
import { scriptArguments, usageError } from './arguments.ts';
import { readManifest } from './package/manifest.ts';
import { shippedParts } from './package/shipped-parts.ts';

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly purl?: string;
}

interface BillOfMaterials {
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
  readonly metadata: { readonly component: Component };
}

const { out } = scriptArguments({ options: { out: { type: 'string' } } }).values;
if (out === undefined) usageError('--out names the file to write.');

const args = [
  'sbom',
  '--sbom-format',
  'cyclonedx',
  '--sbom-type',
  'application',
  '--omit',
  'dev',
  '--package-lock-only',
];
const npmBill = JSON.parse(
  execFileSync('npm', args, { cwd: packageRoot, encoding: 'utf8', maxBuffer: 2 ** 26 }),
) as BillOfMaterials;

const known = new Set(npmBill.components.map(({ purl }) => purl));
const parts = shippedParts().filter(({ purl }) => !known.has(purl));
const components = parts.map(({ name, version, license, purl }) => ({
  'bom-ref': purl,
  type: 'library',
  name,
  version,
  purl,
  licenses: [/ (?:OR|AND) /.test(license) ? { expression: license } : { license: { id: license } }],
}));
const self = npmBill.metadata.component['bom-ref'];
const dependencies = npmBill.dependencies.map((dependency) =>
  dependency.ref === self
    ? { ...dependency, dependsOn: [...dependency.dependsOn, ...parts.map(({ purl }) => purl)] }
    : dependency,
);
// npm takes the name of the folder.
const metadata = { ...npmBill.metadata, component: { ...npmBill.metadata.component, name: readManifest().name } };
writeFileSync(
  out,
  JSON.stringify({ ...npmBill, metadata, components: [...npmBill.components, ...components], dependencies }),
);
