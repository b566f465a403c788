//! Which hardware a run uses.
//!
//! burn's CUDA backend panics where no driver is installed, so the driver is probed beforehand
//! through its own library. This is the one module with `unsafe` code: four calls of the CUDA
//! driver interface, whose signatures have been fixed since CUDA 2.

use serde::{Deserialize, Serialize};

use crate::KernelError;

/// A device a model can be trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Device {
    /// The processor, through burn's Flex backend.
    Cpu,
    /// An NVIDIA accelerator, through burn's CUDA backend.
    Cuda {
        /// Ordinal of the driver.
        index: usize,
        /// Name the driver gives.
        name: String,
    },
}

/// What a job asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceChoice {
    /// The processor, always there.
    Cpu,
    /// The first NVIDIA accelerator, or an error.
    Cuda,
    /// The first NVIDIA accelerator this build can use, else the processor.
    #[default]
    Auto,
}

impl DeviceChoice {
    /// Settles the choice on this machine.
    ///
    /// # Errors
    /// [`KernelError::DeviceUnavailable`] where CUDA is demanded and cannot be had, saying why.
    pub fn resolve(self) -> Result<Device, KernelError> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda => usable_cuda(),
            Self::Auto => Ok(usable_cuda().unwrap_or(Device::Cpu)),
        }
    }
}

/// All devices of this machine: the processor, then each accelerator the CUDA driver reports,
/// whether or not this build can use it.
pub fn probe() -> Vec<Device> {
    let accelerators = cuda::devices().unwrap_or_default();
    std::iter::once(Device::Cpu).chain(accelerators).collect()
}

fn usable_cuda() -> Result<Device, KernelError> {
    if cfg!(not(feature = "cuda")) {
        return Err(KernelError::DeviceUnavailable(
            "this build has no CUDA backend; build with `--features cuda`, or choose `cpu`".into(),
        ));
    }
    cuda::nvrtc().map_err(KernelError::DeviceUnavailable)?;
    let devices = cuda::devices().map_err(KernelError::DeviceUnavailable)?;
    devices.into_iter().next().ok_or_else(|| {
        KernelError::DeviceUnavailable("the CUDA driver reports no accelerator".into())
    })
}

#[allow(unsafe_code)]
mod cuda {
    //! The driver probe.

    use std::ffi::{CStr, c_char, c_int, c_uint};

    use libloading::{Library, Symbol};

    use super::Device;

    type Init = unsafe extern "C" fn(c_uint) -> c_int;
    type GetCount = unsafe extern "C" fn(*mut c_int) -> c_int;
    type GetDevice = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
    type GetName = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;

    const DRIVER: &str = "libcuda.so.1";
    const COMPILERS: [&str; 4] =
        ["libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"];
    const NAME_BYTES: usize = 256;

    /// Accelerators by ordinal.
    pub(super) fn devices() -> Result<Vec<Device>, String> {
        let driver = open(DRIVER)?;
        // SAFETY: each type is the function's prototype in `cuda.h`; the symbols live as long as
        // `driver`, which outlives all calls below.
        let (init, count, device, name) = unsafe {
            (
                symbol::<Init>(&driver, b"cuInit\0")?,
                symbol::<GetCount>(&driver, b"cuDeviceGetCount\0")?,
                symbol::<GetDevice>(&driver, b"cuDeviceGet\0")?,
                symbol::<GetName>(&driver, b"cuDeviceGetName\0")?,
            )
        };
        // SAFETY: cuInit takes a flag word that must be zero and touches no memory of ours.
        check("cuInit", unsafe { init(0) })?;
        let mut found: c_int = 0;
        // SAFETY: the pointer is to a live, writable int.
        check("cuDeviceGetCount", unsafe { count(&raw mut found) })?;
        (0..found).map(|ordinal| describe(&device, &name, ordinal)).collect()
    }

    /// Whether the run-time compiler that burn's kernels need can be loaded.
    pub(super) fn nvrtc() -> Result<(), String> {
        if COMPILERS.iter().any(|name| open(name).is_ok()) {
            return Ok(());
        }
        Err("libnvrtc was not found; install the CUDA run-time compiler (NVRTC)".into())
    }

    fn describe(
        device: &Symbol<'_, GetDevice>,
        name: &Symbol<'_, GetName>,
        ordinal: c_int,
    ) -> Result<Device, String> {
        let mut handle: c_int = 0;
        // SAFETY: the pointer is to a live, writable int; the ordinal is below the count.
        check("cuDeviceGet", unsafe { device(&raw mut handle, ordinal) })?;
        let mut text: [c_char; NAME_BYTES] = [0; NAME_BYTES];
        // SAFETY: the buffer holds NAME_BYTES bytes and that length is passed.
        check("cuDeviceGetName", unsafe { name(text.as_mut_ptr(), NAME_BYTES as c_int, handle) })?;
        let bytes: Vec<u8> = text.iter().map(|&c| c as u8).collect();
        let name = CStr::from_bytes_until_nul(&bytes).map_err(|e| e.to_string())?;
        let index = usize::try_from(ordinal).map_err(|e| e.to_string())?;
        Ok(Device::Cuda { index, name: name.to_string_lossy().into_owned() })
    }

    fn open(name: &str) -> Result<Library, String> {
        // SAFETY: loading runs the library's initialisers; these are NVIDIA's own, found by the
        // system's loader under their documented names, and are made to be loaded this way.
        unsafe { Library::new(name) }.map_err(|error| format!("{name} cannot be loaded: {error}"))
    }

    /// # Safety
    /// `T` must be the C prototype of the function called `name`.
    unsafe fn symbol<'a, T>(library: &'a Library, name: &[u8]) -> Result<Symbol<'a, T>, String> {
        // SAFETY: the caller vouches for the type.
        unsafe { library.get(name) }.map_err(|error| error.to_string())
    }

    fn check(call: &str, status: c_int) -> Result<(), String> {
        if status == 0 { Ok(()) } else { Err(format!("{call} answered CUDA error {status}")) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_processor_is_always_there() {
        assert_eq!(probe()[0], Device::Cpu);
        assert_eq!(DeviceChoice::Cpu.resolve().unwrap(), Device::Cpu);
        assert!(DeviceChoice::Auto.resolve().is_ok());
    }

    #[test]
    fn cuda_is_given_or_refused_with_a_reason() {
        match DeviceChoice::Cuda.resolve() {
            Ok(device) => assert!(probe().contains(&device)),
            Err(error) => assert!(error.to_string().len() > 20, "{error}"),
        }
    }
}
