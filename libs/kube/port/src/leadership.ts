/** Whether this process leads among its replicas. */
export interface Leadership {
  /** False as soon as another replica might lead, whatever this process has been told. */
  isLeader(): boolean;
  /** Calls `listener` at each change from now on; the returned function ends that. */
  onChange(listener: (isLeader: boolean) => void): () => void;
}
