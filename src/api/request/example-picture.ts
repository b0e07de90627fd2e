/** A picture of one pixel, for examples that can be sent as they are. */
export const EXAMPLE_PICTURE_BASE64 =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC';
export const EXAMPLE_PICTURE = `data:image/png;base64,${EXAMPLE_PICTURE_BASE64}`;
