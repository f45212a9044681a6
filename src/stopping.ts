/** The end of the daemon: who asked for it, with or without what it runs, and what came of that. */
export class Stopping {
  readonly #asked = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<readonly string[]>();
  #replicas = false;

  /** Resolves when somebody has asked. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  /** Somebody wants what it runs to stop as well; may come after another had asked without. */
  get replicas(): boolean {
    return this.#replicas;
  }

  /** @returns with `replicas` once everything has stopped: what has not, in words */
  async ask({ replicas }: { replicas: boolean }): Promise<readonly string[]> {
    this.#replicas ||= replicas;
    this.#asked.resolve();
    return replicas ? this.#ended.promise : [];
  }

  ended(left: readonly string[]): void {
    this.#ended.resolve(left);
  }
}
