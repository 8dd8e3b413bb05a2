/** Before the id in the name of a directory that is no container (yet): one whose lock nobody holds goes when the next one is made. */
export const UNFINISHED = "new-";
