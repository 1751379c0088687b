/** Whether this process leads among its replicas. */
export interface Leadership {
  /** False as soon as another replica might lead, even if no listener has been called yet. */
  isLeader(): boolean;
  /** Calls `listener` at each change from now on; the returned function ends that. */
  onChange(listener: (isLeader: boolean) => void): () => void;
}
