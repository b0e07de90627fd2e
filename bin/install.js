// Runs when npm installs the package: builds the native engine. In a checkout, `npm run build` does that.
import { existsSync } from 'node:fs';

const isCheckout = existsSync(new URL('../scripts/build-native.ts', import.meta.url));
if (!isCheckout) await import('../dist/scripts/build-native.js');
