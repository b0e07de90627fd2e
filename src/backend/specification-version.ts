/**
 * The version of this specification. A backend declares the one that it was written for, and no other is loaded. It rises
 * when backends have to change; what is added and may be absent does not raise it.
 */
export const specificationVersion = 1;
