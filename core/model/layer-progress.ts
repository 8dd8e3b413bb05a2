/** How far the writing of a layer, or of a tree's files, has come. */
export interface LayerProgress {
  readonly entries: number;
  readonly bytes: number;
}
