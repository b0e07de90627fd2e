/** What a cut tokenizer must still tokenize as the whole one does, beside the sample that tells tokenizers apart. */
export const talk = [
  'system\nYou are a helpful assistant.\nuser\nassistant\nmodel\n\n',
  'What is in this picture? Describe the image in detail. How many shapes are there? ',
  'Which color is the circle, the square, the triangle? It is red, green, blue, yellow, black or white. ',
  'The first picture, the second picture and the third picture. Yes. No. 0 1 2 3 4 5 6 7 8 9 Picture 1: Image-1: ',
].join('');
