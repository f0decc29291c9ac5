/** Builds the operator's image of this checkout into the cache, while there is a network. */
import { operatorImage } from './build-image.ts';

await operatorImage(AbortSignal.timeout(600_000));
