declare const kept: unique symbol;

/** A JSON value as a store in memory keeps it. */
export interface Kept<T> {
  readonly [kept]: T;
}

export interface Keeping {
  keep<T>(value: T): Kept<T>;
  give<T>(value: Kept<T>): T;
}

/** As JSON text, so that whoever reads it cannot change what is stored, just as with a file. */
export const copying: Keeping = {
  keep: (value) => JSON.stringify(value) as unknown as Kept<typeof value>,
  give: (value) => JSON.parse(value as unknown as string),
};

/** As the object that it is: for those who never change what they have given or were given. */
export const sharing: Keeping = {
  keep: (value) => value as unknown as Kept<typeof value>,
  give: <T>(value: Kept<T>) => value as unknown as T,
};
