// The page: it gives its canvas and a picture to the worker, and never waits for the GPU.
import church from './church.jpg';

const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
const canvas = document.querySelector('canvas').transferControlToOffscreen();
const picture = await (await fetch(church)).blob();
worker.onmessage = ({ data: label }) => (document.querySelector('output').value = label);
worker.postMessage({ canvas, picture }, [canvas]);
