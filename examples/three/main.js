// A scene of three.js with a video on a screen in it. What gradlens takes are the lines that end in ◂: the renderer's
// device, and a texture there, which a second plane shows before the screen.
import { Engine } from 'gradlens'; // ◂
import net from 'gradlens/weights/everyday-64-robust'; // ◂
import * as THREE from 'three/webgpu';
import ladybug from './ladybug.webm';

const video = Object.assign(document.createElement('video'), { src: ladybug, loop: true, muted: true });
await video.play();
const renderer = new THREE.WebGPURenderer({ antialias: true });
await renderer.init();
renderer.setSize(480, 360);
document.body.prepend(renderer.domElement);
const scene = new THREE.Scene();
const camera = new THREE.PerspectiveCamera(45, 4 / 3, 0.1, 20);
camera.position.set(0, 0, 4.6);
const texture = new THREE.VideoTexture(video);
texture.colorSpace = THREE.SRGBColorSpace;
const plane = new THREE.PlaneGeometry(4, 3);
const screen = new THREE.Mesh(plane, new THREE.MeshBasicMaterial({ map: texture }));
scene.add(screen);

const { device } = renderer.backend; // ◂
const usage = GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.TEXTURE_BINDING; // ◂
const map = device.createTexture({ size: [320, 240], format: 'rgba16float', usage }); // ◂
const shown = new THREE.MeshBasicMaterial({ map: new THREE.ExternalTexture(map), transparent: true }); // ◂
screen.add(new THREE.Mesh(plane, shown).translateZ(0.001)); // ◂
const model = await (await Engine.create({ device })).load(net); // ◂
const output = { texture: map, colorSpace: 'linear', flipY: true }; // ◂ light and rows as three.js has them
const recording = { input: video, class: model.labels.indexOf('ladybug'), fading: true, output }; // ◂
await model.ready(recording); // ◂
const spread = model.spread({ milliseconds: 8 }); // ◂ of the GPU's time per frame

const count = { frames: 0, maps: 0 };
renderer.setAnimationLoop((time) => {
  const encoder = device.createCommandEncoder(); // ◂
  if (spread.encodeMap(encoder, recording)) count.maps++; // ◂
  device.queue.submit([encoder.finish()]); // ◂
  screen.rotation.y = 0.4 * Math.sin(time / 2000);
  renderer.render(scene, camera);
  count.frames++;
  document.querySelector('output').value = `ladybug: ${count.maps} maps in ${count.frames} frames`;
});
