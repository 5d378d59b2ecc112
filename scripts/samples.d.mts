export function samples(): string[];
export function findSample(given: string): string | undefined;
export function noSuchSample(given: string): string;
